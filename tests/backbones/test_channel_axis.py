"""The axis of the channels, in networks with channels first and last."""

import keras
import numpy as np
import pytest
from domain_methods import fit
from keras import layers

from sktransfer import Backbone, BackboneFeatures
from sktransfer.adaptation import DomainStandardize
from sktransfer.backbones.batch_normalization import find_channel_axis, map_inputs

FIRST = {"data_format": "channels_first"}


def transposed(images):
    return np.moveaxis(images, -1, 1)


def pair(make, shape=(6, 7, 3)):
    """The same network for channels last and first, with the same weights."""
    last = make(shape, "channels_last", -1)
    first = make((shape[-1], *shape[:-1]), "channels_first", 1)
    first.set_weights(last.get_weights())
    return last, first


def convolutions(shape, data_format, axis):
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(5, 3, data_format=data_format, activation="relu"),
            layers.BatchNormalization(axis=axis),
            layers.Activation("tanh"),
        ]
    )


def pooled_head(shape, data_format, axis):
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(5, 3, data_format=data_format, activation="relu"),
            layers.GlobalAveragePooling2D(data_format=data_format, keepdims=True),
            layers.Conv2D(4, 1, data_format=data_format),
            layers.Flatten(),
        ]
    )


@pytest.mark.parametrize("make", [convolutions, pooled_head])
def test_the_features_are_those_of_channels_last(make):
    last, first = map(Backbone.from_model, pair(make))
    X = np.random.default_rng(0).normal(size=(4, 6, 7, 3)).astype("float32")
    assert first.n_features_out == last.n_features_out == 5
    np.testing.assert_allclose(first.build()(transposed(X)), last.build()(X), atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "shape", "axes"),
    [
        (layers.Conv1D(5, 3, **FIRST), (3, 8), (2,)),
        (layers.Conv3D(5, 2, **FIRST), (3, 4, 4, 4), (2, 3, 4)),
        (layers.MaxPooling2D(**FIRST), (5, 8, 8), (2, 3)),
        (layers.BatchNormalization(axis=1), (5, 8, 8), (2, 3)),
        (layers.LSTM(5, return_sequences=True), (8, 3), (1,)),
        (layers.ConvLSTM2D(5, 3, return_sequences=True, **FIRST), (2, 3, 6, 6), None),
        (layers.TimeDistributed(layers.Conv2D(5, 3, **FIRST)), (2, 3, 6, 6), None),
    ],
    ids=["conv1d", "conv3d", "pool", "norm", "lstm", "conv_lstm", "distributed"],
)
def test_maps_are_averaged_over_their_positions(layer, shape, axes):
    model = keras.Sequential([keras.Input(shape), layer])
    backbone = Backbone.from_model(model)
    X = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    # With time before the channels these are on axis 2.
    expected = np.asarray(model(X)).mean(axis=axes or (1, 3, 4))
    assert backbone.n_features_out == 5
    np.testing.assert_allclose(backbone.build()(X), expected, atol=1e-5)


def test_permuted_axes_are_followed():
    inputs = keras.Input((6, 7, 3))
    x = layers.Permute((3, 1, 2))(inputs)
    x = layers.Activation("relu")(layers.Conv2D(5, 3, **FIRST)(x))
    x = keras.ops.transpose(x, (0, 2, 3, 1))
    backbone = Backbone.from_model(keras.Model(inputs, x))
    assert backbone.n_features_out == 5
    assert find_channel_axis(backbone) == 3


@pytest.mark.parametrize("make", [convolutions])
def test_the_map_of_inputs_is_along_the_channels(make):
    last, first = map(Backbone.from_model, pair(make))
    assert (find_channel_axis(last), find_channel_axis(first)) == (3, 1)
    scale, offset = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, -1.0])
    X = np.random.default_rng(0).normal(size=(4, 6, 7, 3)).astype("float32")
    mapped = map_inputs(first, scale, offset).build()(transposed(X))
    expected = map_inputs(last, scale, offset).build()(X)
    np.testing.assert_allclose(mapped, expected, atol=1e-4)


@pytest.mark.parametrize("application", ["VGG16", "DenseNet121", "MobileNetV2"])
def test_the_preprocessing_of_an_application(application):
    X = np.random.default_rng(0).uniform(0, 255, (4, 6, 7, 3)).astype("float32")
    last, first = pair(convolutions)
    options = {"preprocess": application, "random_state": 0}
    expected = BackboneFeatures(last, **options).fit_transform(X)
    features = BackboneFeatures(first, **options).fit_transform(transposed(X))
    np.testing.assert_allclose(features, expected, atol=1e-4)


def test_domain_standardize_maps_each_channel():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(40, 6, 7, 3)), np.arange(40) % 2
    X[20:] = X[20:] * [0.2, 0.5, 2.0] + [1.0, 3.0, 0.0]
    domains = np.repeat([0, -1], 20)
    last, first = pair(convolutions)
    method = DomainStandardize(guard=False)
    parameters = {"recipe": "linear_probe", "epochs": 50}
    expected = fit(method, (X, y, domains), backbone=last, **parameters)
    rows = transposed(X), y, domains
    adapted = fit(method, rows, backbone=first, **parameters)
    np.testing.assert_allclose(
        adapted.predict_proba(transposed(X)), expected.predict_proba(X), atol=1e-4
    )
