"""Batch normalization on other rows, and the input map, against NumPy and Keras."""

import keras
import numpy as np
import pytest
from networks import _dense, with_batch_normalization

from sktransfer import Backbone
from sktransfer.backbones.batch_normalization import compute_moments, map_inputs


def branching():
    """Two branches with normalization each, one of them within a nested model."""
    inner_inputs = keras.Input((5,))
    inner = keras.Model(
        inner_inputs,
        keras.layers.BatchNormalization(name="inner")(
            _dense(5, "relu", 1)(inner_inputs)
        ),
    )
    inputs = keras.Input((6,))
    first = _dense(5, "tanh", 2)(inputs)
    left = inner(first)
    right = keras.layers.BatchNormalization(center=False, name="right")(first * 2)
    joined = keras.layers.Concatenate()([left, keras.layers.Dropout(0.5)(right)])
    last = keras.layers.BatchNormalization(scale=False, name="last")(joined)
    return keras.Model(inputs, _dense(4, "tanh", 3)(last))


def shared():
    """One layer of normalization that is called twice."""
    inputs = keras.Input((6,))
    layer = keras.layers.BatchNormalization(name="shared")
    return keras.Model(inputs, layer(layer(inputs) * 3 + 1))


def images():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(
                4, 3, kernel_initializer=keras.initializers.HeNormal(1)
            ),
            keras.layers.BatchNormalization(),
            keras.layers.DepthwiseConv2D(3, depthwise_initializer="ones"),
            keras.layers.BatchNormalization(),
        ]
    )


def flat(network, rng):
    """A flat copy with random weights in its layers of normalization."""
    model = Backbone.from_model(network, feature_layer="output").build(dtype="float64")
    layers = normalizations(model)
    for layer in layers:
        for variable in layer.weights:
            variable.assign(rng.uniform(0.5, 2, variable.shape))
    return model, layers


def normalizations(model):
    return [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


def rows_for(model, rng, n=70):
    return rng.normal(1, 2, size=(n, *model.input_shape[1:]))


@pytest.mark.parametrize("network", [branching, images, with_batch_normalization])
def test_moments_are_those_of_keras_in_training(network):
    """With momentum 0, moving statistics are those of the batch."""
    rng = np.random.default_rng(0)
    model, layers = flat(network(), rng)
    X = rows_for(model, rng)
    found = compute_moments(model, layers, [X])
    before = {layer: layer.moving_variance.numpy() for layer in layers}
    for layer in model.layers:
        if layer in layers:
            layer.momentum = 0.0
        elif isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    model(X, training=True)
    for layer in layers:
        mean, variance = found[layer]
        assert mean.dtype == variance.dtype == np.float64
        np.testing.assert_allclose(mean, layer.moving_mean.numpy(), atol=1e-5)
        # A unit that is off for all rows keeps its own.
        of_batch = layer.moving_variance.numpy()
        expected = np.where(of_batch > 0, of_batch, before[layer])
        np.testing.assert_allclose(variance, expected, atol=1e-5)


def test_moments_by_hand():
    rng = np.random.default_rng(0)
    model, layers = flat(branching(), rng)
    X = rows_for(model, rng)
    inner, right, last = (
        next(layer for layer in layers if layer.name.endswith(name))
        for name in ("inner", "right", "last")
    )
    dense = [x.get_weights() for x in model.layers if isinstance(x, keras.layers.Dense)]
    first = np.tanh(X @ dense[0][0] + dense[0][1])
    hidden = np.maximum(first @ dense[1][0] + dense[1][1], 0)

    def normalized(x, gamma, beta):
        return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3) + beta

    joined = np.concatenate(
        [
            normalized(hidden, *inner.get_weights()[:2]),
            normalized(2 * first, right.get_weights()[0], 0),
        ],
        axis=1,
    )
    found = compute_moments(model, layers, [X])
    for layer, x in ((inner, hidden), (right, 2 * first), (last, joined)):
        np.testing.assert_allclose(found[layer][0], x.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(found[layer][1], x.var(axis=0), atol=1e-5)


def test_chunks_of_the_first_layer_are_pooled():
    """Chunks of unlike size and content: as all rows together."""
    rng = np.random.default_rng(0)
    model, layers = flat(images(), rng)
    X = rows_for(model, rng)
    X[:10] += 5
    found = compute_moments(model, layers[:1], [X[:10], X[10:17], X[17:]])
    whole = compute_moments(model, layers[:1], [X])
    for part, expected in zip(found[layers[0]], whole[layers[0]], strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-9)


def test_a_later_layer_sees_each_chunk_normalized_by_itself():
    rng = np.random.default_rng(0)
    model, layers = flat(images(), rng)
    X = rows_for(model, rng)
    found = compute_moments(model, layers, [X[:20], X[20:]])
    parts = [
        compute_moments(model, layers, [part])[layers[1]] for part in (X[:20], X[20:])
    ]
    mean = (20 * parts[0][0] + 50 * parts[1][0]) / 70
    second = sum(n * (v + m**2) for n, (m, v) in zip((20, 50), parts, strict=True)) / 70
    np.testing.assert_allclose(found[layers[1]][0], mean, atol=1e-9)
    np.testing.assert_allclose(found[layers[1]][1], second - mean**2, atol=1e-9)


def test_a_layer_that_is_called_twice():
    rng = np.random.default_rng(0)
    model, (layer,) = flat(shared(), rng)
    X = rows_for(model, rng)
    gamma, beta = layer.get_weights()[:2]
    x = gamma * (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 1e-3) + beta
    both = np.concatenate([X, 3 * x + 1])
    mean, variance = compute_moments(model, [layer], [X])[layer]
    np.testing.assert_allclose(mean, both.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(variance, both.var(axis=0), atol=1e-6)


def test_the_model_is_not_changed():
    rng = np.random.default_rng(0)
    model, layers = flat(branching(), rng)
    before = model.get_weights()
    compute_moments(model, layers, [rows_for(model, rng)])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("network", [branching, images, with_batch_normalization])
def test_inputs_are_mapped(network):
    rng = np.random.default_rng(0)
    backbone = Backbone.from_model(network(), feature_layer="output")
    n_channels = backbone.input_shape[-1]
    scale, offset = rng.uniform(0.1, 3, n_channels), rng.normal(size=n_channels)
    mapped = map_inputs(backbone, scale, offset)
    assert mapped.n_layers == backbone.n_layers
    X = rng.normal(size=(5, *backbone.input_shape))
    one = mapped.build(dtype="float64")(X, training=False)
    other = backbone.build(dtype="float64")(scale * X + offset, training=False)
    np.testing.assert_allclose(one, other, atol=1e-5)
    for old, new in zip(backbone.weights, mapped.weights[2:], strict=True):
        assert old is new


def test_a_mapped_backbone_may_be_mapped_again():
    backbone = Backbone.from_model(with_batch_normalization())
    scale, offset = np.full(64, 2.0), np.full(64, 1.0)
    twice = map_inputs(map_inputs(backbone, scale, offset), scale, offset)
    X = np.random.default_rng(0).normal(size=(5, 64))
    one = twice.build(dtype="float64")(X, training=False)
    other = backbone.build(dtype="float64")(4 * X + 3, training=False)
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_what_else_a_backbone_has_is_kept():
    model = keras.Sequential(
        [keras.Input((3,)), _dense(4, "relu", 1), _dense(2, "softmax", 2)]
    )
    backbone = Backbone.from_model(model, classes=["a", "b"])
    mapped = map_inputs(backbone, np.ones(3), np.zeros(3))
    assert mapped.classes.tolist() == ["a", "b"]
    np.testing.assert_array_equal(mapped.head[0], backbone.head[0])
    assert mapped.pretrained
    assert not map_inputs(
        backbone.replace(pretrained=False), np.ones(3), np.zeros(3)
    ).pretrained
