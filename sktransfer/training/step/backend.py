"""The backend of Keras: a check, and what changes the bits of its outputs."""

import platform

import keras
import tensorflow as tf


def environment():
    """Return what can change the bits of outputs, for outputs on disk."""
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    return keras.__version__, tf.__version__, platform.machine(), on_gpu


def check_backend():
    """Raise ImportError if the backend of Keras is not TensorFlow."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ImportError(
            f"sktransfer needs the TensorFlow backend of Keras; got {backend!r}. Unset "
            "KERAS_BACKEND or set it to 'tensorflow' before Keras is imported."
        )
