"""Which networks XLA trains faster than TensorFlow's own kernels; measured on a CPU."""

import keras

# They treat rows one by one, so that rows may be added to fill a batch, and XLA ran
# them 1.0 to 2.3 times as fast as TensorFlow's kernels, for 16 to 4096 units, 1 to 12
# layers and batches of 8 to 1024 rows. Convolutions are not among them: XLA's are
# several times slower than TensorFlow's.
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
# Up to here, a batch larger than the training set is filled; from there to the limit,
# it is made smaller in steps, so that folds of nearly one size share a program.
_FILLED_BATCH = 256
_MAX_BATCH = 1024


def xla_batch(network, batch_size, n):
    """Choose the rows of a batch compiled by XLA.

    Parameters
    ----------
    network : keras.Model
        What is trained.
    batch_size : int
        Rows of a batch as the user gave it.
    n : int
        Rows of the training set.

    Returns
    -------
    int or None
        None where TensorFlow's own kernels are to be used.
    """
    if n < batch_size:
        enough = max(_FILLED_BATCH, 1 << (n - 1).bit_length())
        batch_size = min(batch_size, enough)
    if batch_size > _MAX_BATCH or not _is_dense(network):
        return None
    return batch_size


def _is_dense(network):
    return all(None not in tensor.shape[1:] for tensor in network.inputs) and all(
        _is_row_by_row(operation) for operation in network.operations
    )


def _is_row_by_row(layer):
    return (
        isinstance(layer, keras.Layer)
        and _is_of_keras(type(layer))
        and type(layer).__name__ in _LAYERS
        and all(_is_of_keras(getattr(layer, name, None)) for name in _PARTS)
        # A sum over the rows of a batch.
        and getattr(layer, "activity_regularizer", None) is None
        # In training mode it mixes rows.
        and not (isinstance(layer, keras.layers.BatchNormalization) and layer.trainable)
    )


def _is_of_keras(part):
    """Whether XLA is known to take it."""
    return part is None or getattr(part, "__module__", "").startswith("keras.")
