"""Batch normalization: its statistics on other samples, and an input map."""

import functools

import keras
import numpy as np
from keras import ops

from sktransfer._caches import cached
from sktransfer._random import preserve_random_state
from sktransfer.backbones import graph
from sktransfer.backbones.backbone import Backbone
from sktransfer.backbones.channel_axis import input_channel_axis

# A variance up to this fraction of 1 + mean ** 2 is rounding noise.
_NOISE = 1e-12


def compute_moments(model, layers, chunks):
    """Compute means and variances of the inputs of batch normalization layers.

    Each layer normalizes a chunk by the statistics of that chunk, so that the layers
    behind it get normalized inputs. A channel that does not vary keeps the variance of
    the layer.

    Parameters
    ----------
    model : keras.Model
        Flat functional model.
    layers : list of keras.layers.BatchNormalization
        Layers of the model. All other layers run in inference mode.
    chunks : iterable of ndarray of shape (n, ...)
        Samples.

    Returns
    -------
    dict of layer to tuple of two ndarrays of shape (n_channels,)
        Mean and variance over all samples, float64.
    """
    sums, n_samples = dict.fromkeys(layers, 0.0), dict.fromkeys(layers, 0)

    def call(operation):
        if operation not in sums:
            if graph.has_training_mode(operation):
                return functools.partial(operation, training=False)
            return operation

        def normalize(x, **kwargs):
            axes = [i for i in range(x.ndim) if i != operation.axis % x.ndim]
            mean, variance = ops.moments(x, axes=axes)
            chunk_mean, chunk_variance = (
                ops.convert_to_numpy(m).astype(np.float64) for m in (mean, variance)
            )
            # A layer may be called more than once.
            n_samples[operation] += len(x)
            sums[operation] += len(x) * np.stack(
                [chunk_mean, chunk_variance + chunk_mean**2]
            )
            variance = ops.convert_to_tensor(
                _replace_noise(operation, chunk_mean, chunk_variance), variance.dtype
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

    for samples in chunks:
        graph.run_graph(model, ops.convert_to_tensor(samples), call)
    moments = {}
    for layer, total in sums.items():
        mean, mean_square = total / n_samples[layer]
        moments[layer] = mean, _replace_noise(layer, mean, mean_square - mean**2)
    return moments


def _replace_noise(layer, mean, variance):
    """Replace variances that are rounding noise by those of the layer."""
    own = layer.moving_variance.numpy()
    return np.where(variance > _NOISE * (1 + mean**2), variance, own)


def find_channel_axis(backbone):
    """Find the axis of the channels of the samples of a backbone.

    Parameters
    ----------
    backbone : Backbone
        Its weights have no effect.

    Returns
    -------
    int
        Axis of an array of samples.
    """
    if len(backbone.input_shape) == 1:
        return 1
    with preserve_random_state():
        return input_channel_axis(backbone.build_architecture())


def map_inputs(backbone, scale, offset):
    """Put an affine map before a backbone.

    Parameters
    ----------
    backbone : Backbone
        Its weights do not affect the new architecture.
    scale, offset : ndarray of shape (n_channels,)
        An input x becomes scale * x + offset along the axis of its channels; `scale`
        is above 0.

    Returns
    -------
    Backbone
        Its first two weights are those of the map.
    """
    mapped = _mapped(backbone.without_weights())
    return mapped.replace(
        # The map is a batch normalization: (x - mean) / sqrt(variance).
        weights=[-offset / scale, 1 / scale**2, *backbone.weights],
        head=backbone.head,
        classes=backbone.classes,
        pretrained=backbone.pretrained,
        input_shape=backbone.input_shape,
        standardization=backbone.standardization,
    )


@cached("backbones with an input map", 1 << 24)
def _mapped(backbone):
    with preserve_random_state():
        model = backbone.build_architecture()
        axis = input_channel_axis(model)
        inputs = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype)
        x = keras.layers.BatchNormalization(
            axis=-1 if axis == len(model.input_shape) - 1 else axis,
            center=False,
            scale=False,
            epsilon=0.0,
            name="input_map",
        )(inputs, training=False)
        outer = keras.Model(inputs, model(x), name=backbone.name)
        return Backbone.from_model(outer, feature_layer="output").replace(weights=())
