"""The built-in network for tables, without pretrained weights."""

import functools

import keras
import numpy as np

from sktransfer._large_arrays import take_rows
from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone

# Standard deviations at which columns are cut off.
_CLIP = 5.0
_CHUNK_BYTES = 1 << 25


def hidden_width(n_features):
    """Units of each of the two hidden layers for a number of columns."""
    return int(np.clip(2 ** np.ceil(np.log2(8 * n_features)), 64, 256))


@functools.lru_cache(maxsize=64)
def _architecture(n_features):
    width = hidden_width(n_features)
    with preserve_random_state():
        inputs = keras.Input((n_features,))
        # Its moving statistics are weights, which Normalization's would not be: one
        # compiled program serves every fold.
        x = keras.layers.BatchNormalization(
            center=False, scale=False, epsilon=1e-12, name="standardize"
        )(inputs, training=False)
        # Outliers, and columns that another table shifts, do not swamp the rest.
        x = keras.ops.clip(x, -_CLIP, _CLIP)
        x = keras.layers.Dense(width, activation="relu", name="hidden_1")(x)
        x = keras.layers.Dense(width, activation="relu", name="hidden_2")(x)
        model = keras.Model(inputs, x, name="mlp")
        return Backbone.from_model(model, feature_layer="output", pretrained=False)


def is_mlp(backbone):
    """Whether a Backbone is this network, with whatever weights."""
    shape = backbone.input_shape
    if len(shape) != 1 or shape[0] is None:
        return False
    own = _architecture(shape[0]).architecture_fingerprint
    return backbone.architecture_fingerprint == own


def make_mlp(X, index, sample_weight, rng):
    """Make an untrained table network for some rows.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; may be a np.memmap.
    index : ndarray of shape (n,), int
        Training rows; their weighted mean and variance are kept as the weights of
        the first layer.
    sample_weight : ndarray of shape (n,)
        Weights of the training rows.
    rng : numpy.random.Generator
        Source of the initial weights (He uniform).

    Returns
    -------
    Backbone
    """

    def average(function):
        total = 0.0
        step = max(1, _CHUNK_BYTES // (8 * X.shape[1]))
        for start in range(0, len(index), step):
            part = slice(start, start + step)
            rows = take_rows(X, index[part]).astype(np.float64)
            # A matrix product's sums would depend on the number of threads.
            total += np.einsum("i,ij->j", sample_weight[part], function(rows))
        return total / sample_weight.sum()

    backbone = _architecture(X.shape[1])
    mean = average(lambda rows: rows)
    variance = average(lambda rows: (rows - mean) ** 2)
    # A constant column stays at 0 rather than becoming its rounding noise.
    variance[variance <= 1e-12 * (1 + mean**2)] = 1.0
    weights = [mean, variance]
    for array in backbone.weights[2:]:
        if array.ndim == 2:
            limit = np.sqrt(6 / array.shape[0])
            weights.append(rng.uniform(-limit, limit, array.shape))
        else:
            weights.append(np.zeros(array.shape))
    return backbone.replace(weights=weights, head=None, classes=None)
