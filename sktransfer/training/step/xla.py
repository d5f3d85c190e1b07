"""The choice between XLA and the kernels of TensorFlow, by measurements on a CPU."""

import keras

# These layers compute each sample alone, so batches can be padded. XLA is 1.0 to 2.3
# times as fast as the kernels of TensorFlow, for 16 to 4096 units, 1 to 12 layers and
# batches of 8 to 1024 samples. Convolutions are several times slower with XLA.
_LAYERS = {
    "Activation",
    "Add",
    "AlphaDropout",
    "Average",
    "BatchNormalization",
    "Concatenate",
    "Dense",
    "Dropout",
    "ELU",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "InputLayer",
    "LayerNormalization",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Subtract",
    "UnitNormalization",
}
_PARTS = (
    "activation",
    "kernel_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "bias_constraint",
)
# A batch that is larger than the training set is padded, up to the first size. Above it
# the size is a power of 2, so that folds of similar size share a program.
_PADDED_BATCH = 256
_MAX_BATCH = 1024


def xla_batch_size(network, batch_size, n):
    """Choose the number of samples in a batch that XLA compiles.

    Parameters
    ----------
    network : keras.Model
        Network that is trained.
    batch_size : int
        Parameter of the estimator.
    n : int
        Number of samples in the training set.

    Returns
    -------
    int or None
        None if the kernels of TensorFlow should be used.
    """
    if n < batch_size:
        enough = max(_PADDED_BATCH, 1 << (n - 1).bit_length())
        batch_size = min(batch_size, enough)
    has_fixed_shape = all(None not in tensor.shape[1:] for tensor in network.inputs)
    if batch_size > _MAX_BATCH or not has_fixed_shape:
        return None
    return batch_size if all(map(_is_sample_wise, network.operations)) else None


def _is_sample_wise(layer):
    return (
        isinstance(layer, keras.Layer)
        and _is_from_keras(type(layer))
        and type(layer).__name__ in _LAYERS
        and all(_is_from_keras(getattr(layer, name, None)) for name in _PARTS)
        # It would be a sum over the samples of a batch.
        and getattr(layer, "activity_regularizer", None) is None
        # In training mode it uses the other samples of a batch.
        and not (isinstance(layer, keras.layers.BatchNormalization) and layer.trainable)
    )


def _is_from_keras(part):
    """Return whether Keras defines a part, so that XLA can compile it."""
    return part is None or getattr(part, "__module__", "").startswith("keras.")
