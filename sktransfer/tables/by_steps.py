"""The network for tables that is trained by steps, without pretrained weights."""

from operator import attrgetter

import keras
import numpy as np

from sktransfer._caches import cached
from sktransfer._large_arrays import take_rows
from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone

# Standardized values are clipped here.
_CLIP = 5.0
_CHUNK_BYTES = 1 << 25


def hidden_width(n_features):
    """Return the number of units of each of the two hidden layers."""
    return int(np.clip(2 ** np.ceil(np.log2(8 * n_features)), 64, 256))


@cached("architectures for tables", 1 << 25, attrgetter("nbytes"))
def _architecture(n_features):
    width = hidden_width(n_features)
    with preserve_random_state():
        inputs = keras.Input((n_features,))
        # The statistics of a BatchNormalization are weights, so that all folds share
        # one compiled program. Those of a Normalization are constants of the graph.
        x = keras.layers.BatchNormalization(
            center=False, scale=False, epsilon=1e-12, name="standardize"
        )(inputs, training=False)
        # Outliers and shifted columns must not outweigh all other columns.
        x = keras.ops.clip(x, -_CLIP, _CLIP)
        x = keras.layers.Dense(width, activation="relu", name="hidden_1")(x)
        x = keras.layers.Dense(width, activation="relu", name="hidden_2")(x)
        model = keras.Model(inputs, x, name="mlp")
        return Backbone.from_model(model, feature_layer="output", pretrained=False)


def is_mlp(backbone):
    """Return whether a Backbone has this architecture."""
    shape = backbone.input_shape
    if len(shape) != 1 or shape[0] is None:
        return False
    own = _architecture(shape[0]).architecture_fingerprint
    return backbone.architecture_fingerprint == own


def make_mlp(X, index, sample_weight, rng):
    """Make an untrained network for a table.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        All samples; may be a np.memmap.
    index : ndarray of shape (n_train,), int
        Positions of the training samples. Their weighted mean and variance become the
        weights of the first layer.
    sample_weight : ndarray of shape (n_train,)
        Weights of the training samples.
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
            chunk = take_rows(X, index[part]).astype(np.float64)
            # The bits of a matrix product would depend on the number of threads.
            total += np.einsum("i,ij->j", sample_weight[part], function(chunk))
        return total / sample_weight.sum()

    backbone = _architecture(X.shape[1])
    mean = average(lambda chunk: chunk)
    variance = average(lambda chunk: (chunk - mean) ** 2)
    # Standardized, a constant column must be 0, not its rounding noise.
    variance[variance <= 1e-12 * (1 + mean**2)] = 1.0
    weights = [mean, variance]
    for array in backbone.weights[2:]:
        if array.ndim == 2:
            limit = np.sqrt(6 / array.shape[0])
            weights.append(rng.uniform(-limit, limit, array.shape))
        else:
            weights.append(np.zeros(array.shape))
    return backbone.replace(weights=weights, head=None, classes=None)
