"""A network for tables with two hidden layers, without pretrained weights."""

from operator import attrgetter

import keras
import numpy as np

from sktransfer._caches import cached
from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone
from sktransfer.tables.layers import InputRange

# Standardized values are clipped here.
_CLIP = 5.0


@cached("architectures for tables", 1 << 25, attrgetter("nbytes"))
def _architecture(n_numbers, n_others):
    width = int(np.clip(8 * (n_numbers + n_others), 64, 256))
    with preserve_random_state():
        inputs = x = keras.Input((n_numbers + n_others,))
        if n_others:
            x = InputRange(0, n_numbers, name="numbers")(x)
        # Its statistics are 0 and 1, as the columns are standardized before. Adaptation
        # methods may give it those of a target.
        x = keras.layers.BatchNormalization(
            center=False, scale=False, epsilon=1e-12, name="standardize"
        )(x, training=False)
        # Outliers and shifted columns must not outweigh all other columns.
        x = keras.ops.clip(x, -_CLIP, _CLIP)
        if n_others:
            others = InputRange(n_numbers, n_numbers + n_others, name="others")(inputs)
            x = keras.layers.Concatenate(name="columns")([x, others])
        x = keras.layers.Dense(width, activation="relu", name="hidden_1")(x)
        x = keras.layers.Dense(width, activation="relu", name="hidden_2")(x)
        model = keras.Model(inputs, x, name="mlp")
        return Backbone.from_model(model, feature_layer="output", pretrained=False)


def make_mlp(encoding, rng):
    """Make an untrained network for a table.

    Parameters
    ----------
    encoding : TableEncoding
        Encoding of the columns.
    rng : numpy.random.Generator
        Source of the initial weights (He uniform).

    Returns
    -------
    Backbone
    """
    backbone = _architecture(encoding.n_numbers, encoding.n_others)
    used, weights = encoding.used_inputs, list(backbone.weights[:2])
    for array in backbone.weights[2:]:
        values = np.zeros(array.shape)
        if array.ndim == 2:
            # Inputs without a column stay 0.
            rows = used if len(weights) == 2 else np.arange(len(array))
            limit = np.sqrt(6 / max(1, len(rows)))
            values[rows] = rng.uniform(-limit, limit, (len(rows), array.shape[1]))
        weights.append(values)
    return backbone.replace(weights=weights)
