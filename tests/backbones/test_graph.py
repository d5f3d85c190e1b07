"""Models that cannot be a backbone, and models with batches of one size."""

import keras
import numpy as np
import pytest
from keras import layers

from sktransfer import Backbone, BackboneFeatures, TransferClassifier
from sktransfer.exceptions import BackboneError, UnsafeFileError


def dense(*activations, width=5):
    return keras.Sequential(
        [keras.Input((width,)), *(layers.Dense(4, activation=a) for a in activations)]
    )


def quantized(mode):
    model = keras.Sequential(
        [keras.Input((8,)), layers.Dense(8, activation="relu"), layers.Dense(3)]
    )
    model.quantize(mode)
    return model


@pytest.mark.filterwarnings("ignore:Layer InputLayer")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_quantized_models_are_refused(tmp_path, mode, suffix):
    model, path = quantized(mode), tmp_path / f"model.{suffix}"
    model.save(path)
    match = rf"quantized weights \({mode}.*before quantize"
    X, y = np.ones((4, 8)), [0, 1, 0, 1]
    for backbone in (model, path):
        with pytest.raises(BackboneError, match=match) as raised:
            TransferClassifier(backbone).fit(X, y)
        assert not isinstance(raised.value, UnsafeFileError)
    with pytest.raises(BackboneError, match=match):
        Backbone.from_file(path, safe_mode=False)
    with pytest.raises(BackboneError, match=match):
        TransferClassifier(dense("relu", width=8), weights=path).fit(X, y)


@pytest.mark.parametrize(
    "recurrent",
    [
        layers.LSTM(4, stateful=True),
        layers.Bidirectional(layers.GRU(4, stateful=True)),
    ],
    ids=["LSTM", "Bidirectional"],
)
def test_stateful_layers_are_refused(recurrent):
    model = keras.Sequential([keras.Input(batch_shape=(4, 5, 3)), recurrent])
    with pytest.raises(BackboneError, match="stateful=False"):
        Backbone.from_model(model)


@pytest.mark.parametrize("kind", ["LSTM", "SimpleRNN", "Dense"])
@pytest.mark.parametrize("nested", [False, True])
def test_batches_of_one_size(kind, nested):
    """The backbone takes any number of samples."""
    parts = [keras.Input(batch_shape=(4, 5, 3)), getattr(layers, kind)(6)]
    if nested:
        parts[1] = keras.Sequential([keras.Input(batch_shape=(4, 5, 3)), parts[1]])
    model = keras.Sequential(parts)
    X = np.random.default_rng(0).normal(size=(13, 5, 3)).astype("float32")
    backbone = Backbone.from_model(model, feature_layer="output")
    assert backbone.build().input_shape == (None, 5, 3)
    expected = np.asarray(model(X[:4]))
    if kind == "Dense":
        expected = expected.mean(axis=1)
    np.testing.assert_allclose(backbone.build()(X)[:4], expected, atol=1e-6)
    classifier = TransferClassifier(model, epochs=1, recipe="full", batch_size=8)
    assert classifier.fit(X, np.arange(13) % 2).predict(X[:3]).shape == (3,)


def test_a_single_linear_layer_gives_the_features():
    model = dense(None)
    X = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    backbone = Backbone.from_model(model)
    assert backbone.head is None
    np.testing.assert_allclose(backbone.build()(X), model(X), atol=1e-6)
    fitted = TransferClassifier(model, epochs=1).fit(X, np.arange(6) % 2)
    assert fitted.backbone_.n_features_out == 4


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_single_classification_layer(activation):
    model = dense(activation)
    with pytest.raises(BackboneError, match="feature_layer='output'"):
        Backbone.from_model(model)
    assert Backbone.from_model(model, feature_layer="output").n_features_out == 4


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("position", [0, 3])
def test_weights_that_are_not_finite(value, position):
    model = dense("relu", "softmax")
    model.layers[0].name = "first"
    weights = model.get_weights()
    weights[position].flat[1] = value
    model.set_weights(weights)
    X, y = np.ones((4, 5)), [0, 1, 0, 1]
    match = "1 NaN or infinite values, of .* in its weight"
    for fit in (TransferClassifier(model).fit, BackboneFeatures(model).fit):
        with pytest.raises(BackboneError, match=match):
            fit(X, y)


@pytest.mark.parametrize("X", [np.array([["a"], ["b"]] * 3), np.ones((6, 1))])
def test_an_input_of_strings(X):
    model = keras.Sequential(
        [
            keras.Input((1,), dtype="string"),
            layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot"),
            layers.Dense(3),
        ]
    )
    for fit in (TransferClassifier(model).fit, BackboneFeatures(model).fit):
        with pytest.raises(BackboneError, match="has an input of strings"):
            fit(X, [0, 1] * 3)


class Initializer(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return keras.ops.ones(shape, dtype)

    def get_config(self):
        return {}


class Regularizer(keras.regularizers.Regularizer):
    def __call__(self, x):
        return keras.ops.sum(x)

    def get_config(self):
        return {}


def activation(x):
    return 2 * keras.ops.relu(x)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_initializer": Initializer()},
        {"kernel_regularizer": Regularizer()},
        {"activation": activation},
    ],
    ids=["initializer", "regularizer", "activation"],
)
def test_helpers_that_are_not_registered(options):
    model = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4, **options), layers.Dense(3, "softmax")]
    )
    X = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    expected = keras.Sequential(model.layers[:1])(X)
    np.testing.assert_allclose(
        Backbone.from_model(model).build()(X), expected, atol=1e-6
    )
