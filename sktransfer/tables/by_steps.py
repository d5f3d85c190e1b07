"""The network for tables that is trained by steps, without pretrained weights."""

from operator import attrgetter

import keras
import numpy as np

from sktransfer._caches import cached
from sktransfer._inputs.standardization import Standardization
from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone

# Standardized values are clipped here.
_CLIP = 5.0
_MIN_INPUTS = 8


def hidden_width(n_features):
    """Return the number of units of each of the two hidden layers."""
    return int(np.clip(8 * _padded(n_features), 64, 256))


def _padded(n_features):
    """Return the number of inputs: all tables of about one width share a program."""
    return max(_MIN_INPUTS, 1 << (n_features - 1).bit_length())


@cached("architectures for tables", 1 << 25, attrgetter("nbytes"))
def _architecture(n_inputs):
    width = hidden_width(n_inputs)
    with preserve_random_state():
        inputs = keras.Input((n_inputs,))
        # Its statistics are 0 and 1, as the columns are standardized before. Adaptation
        # methods may give it those of a target.
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
    if backbone.standardization is None:
        return False
    own = _architecture(backbone.standardization.width).architecture_fingerprint
    return backbone.architecture_fingerprint == own


def make_mlp(X, index, sample_weight, rng):
    """Make an untrained network for a table.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        All samples; may be a np.memmap. Several axes are flattened.
    index : ndarray of shape (n_train,), int
        Positions of the training samples, whose mean and standard deviation standardize
        the columns.
    sample_weight : ndarray of shape (n_train,)
        Weights of the training samples.
    rng : numpy.random.Generator
        Source of the initial weights (He uniform).

    Returns
    -------
    Backbone
    """
    input_shape, X = X.shape[1:], X.reshape(len(X), -1)
    n_features = X.shape[1]
    backbone = _architecture(_padded(n_features))
    weights = list(backbone.weights[:2])
    for array in backbone.weights[2:]:
        values = np.zeros(array.shape)
        if array.ndim == 2:
            is_first = len(weights) == 2
            n_inputs = n_features if is_first else array.shape[0]
            limit = np.sqrt(6 / n_inputs)
            values[:n_inputs] = rng.uniform(-limit, limit, (n_inputs, array.shape[1]))
        weights.append(values)
    return backbone.replace(
        weights=weights,
        head=None,
        classes=None,
        input_shape=input_shape,
        standardization=Standardization.fit(
            X, index, sample_weight, width=_padded(n_features)
        ),
    )
