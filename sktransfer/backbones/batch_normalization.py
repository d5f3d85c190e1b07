"""Batch normalization on other rows, and an input map that is one."""

import functools

import keras
import numpy as np
from keras import ops

from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone

# A variance is that of rounding noise up to this share of 1 + mean ** 2.
_NOISE = 1e-12


def moments_of(model, layers, chunks):
    """Compute means and variances of what goes into layers of batch normalization.

    Each layer passes on what it makes with the statistics of the rows at hand, so that
    the next one sees it. A channel that does not vary keeps the layer's own variance:
    divided by its own it would be rounding noise.

    Parameters
    ----------
    model : keras.Model
        Functional and flat.
    layers : list of keras.layers.BatchNormalization
        Layers of it; all others are in inference mode.
    chunks : iterable of ndarray of shape (n, ...)
        Rows; those of a chunk are computed together.

    Returns
    -------
    dict of layer to tuple of two ndarrays
        Mean and variance over all rows, float64.
    """
    sums, n_rows = dict.fromkeys(layers, 0.0), dict.fromkeys(layers, 0)

    def call(operation):
        if operation not in sums:
            # Functions of tensors, such as a sum, have no mode.
            if isinstance(operation, keras.Layer) and operation._call_has_training_arg:
                return functools.partial(operation, training=False)
            return operation

        def normalize(x, **kwargs):
            axes = [i for i in range(x.ndim) if i != operation.axis % x.ndim]
            mean, variance = ops.moments(x, axes=axes)
            first, second = (
                ops.convert_to_numpy(m).astype(np.float64) for m in (mean, variance)
            )
            # A layer may be called more than once.
            n_rows[operation] += len(x)
            sums[operation] += len(x) * np.stack([first, second + first**2])
            variance = ops.convert_to_tensor(
                _or_own(operation, first, second), variance.dtype
            )
            return ops.batch_normalization(
                x,
                mean,
                variance,
                axis=operation.axis,
                offset=operation.beta,
                scale=operation.gamma,
                epsilon=operation.epsilon,
            )

        return normalize

    for rows in chunks:
        inputs = ops.convert_to_tensor(rows)
        model._run_through_graph(model._standardize_inputs(inputs), call)
    found = {}
    for layer, total in sums.items():
        first, second = total / n_rows[layer]
        found[layer] = first, _or_own(layer, first, second - first**2)
    return found


def _or_own(layer, mean, variance):
    """Put a layer's own variance in place of one that is rounding noise."""
    own = ops.convert_to_numpy(layer.moving_variance)
    return np.where(variance > _NOISE * (1 + mean**2), variance, own)


def map_inputs(backbone, scale, offset):
    """Put an affine map before a backbone.

    Parameters
    ----------
    backbone : Backbone
        Its architecture alone decides on the new one's.
    scale, offset : ndarray of shape (n_channels,)
        An input x becomes scale * x + offset along its last axis; `scale` is above 0.

    Returns
    -------
    Backbone
        The first two of its weights are those of the map.
    """
    mapped = _mapped(backbone.replace(weights=(), head=None, classes=None))
    return mapped.replace(
        # As a batch normalization: (x - mean) / sqrt(variance).
        weights=[-offset / scale, 1 / scale**2, *backbone.weights],
        head=backbone.head,
        classes=backbone.classes,
        pretrained=backbone.pretrained,
    )


@functools.lru_cache(maxsize=64)
def _mapped(backbone):
    with preserve_random_state():
        model = backbone.build_architecture()
        inputs = keras.Input(backbone.input_shape, dtype=model.inputs[0].dtype)
        x = keras.layers.BatchNormalization(
            center=False, scale=False, epsilon=0.0, name="input_map"
        )(inputs, training=False)
        outer = keras.Model(inputs, model(x), name=backbone.name)
        return Backbone.from_model(outer, feature_layer="output")
