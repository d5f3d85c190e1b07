"""Images of other sizes, gray images and pixels that are scaled already."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

from sktransfer import BackboneFeatures, TransferClassifier
from sktransfer._inputs.images import gray_advice
from sktransfer.exceptions import BackboneError

RNG = np.random.default_rng(0)


def images(*shape, n=8):
    return RNG.uniform(0, 255, size=(n, *shape)).astype("float32")


def network(*input_shape):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
        ]
    )


def fit(backbone, X, **parameters):
    parameters = {"epochs": 1, "random_state": 0} | parameters
    return TransferClassifier(backbone, **parameters).fit(X, np.arange(len(X)) % 2)


# ---- sizes


@pytest.mark.parametrize("shape", [(8, 11, 3), (11, 9, 3), (12, 13, 3), (8, 9, 3)])
def test_images_of_another_size_are_predicted(shape):
    model = network(None, None, 3)
    X, other = images(8, 9, 3), images(*shape)
    fitted = fit(model, X, frozen_depth="all")
    kernel, bias = fitted.backbone_.head
    maps = np.asarray(model(other)).mean(axis=(1, 2))
    np.testing.assert_allclose(
        fitted.decision_function(other),
        np.diff(maps @ kernel + bias)[:, 0],
        atol=1e-4,
    )
    features = BackboneFeatures(model).fit(X).transform(other)
    np.testing.assert_allclose(features, maps, atol=1e-4)


@pytest.mark.parametrize("shape", [(16, 16, 3), (8, 16, 3), (16, 8, 3)])
def test_a_message_about_another_size_has_both_shapes(shape):
    X = images(8, 8, 3)
    for estimator, method in (
        (fit(network(8, 8, 3), X), "predict"),
        (BackboneFeatures(network(8, 8, 3)).fit(X), "transform"),
    ):
        with pytest.raises(BackboneError) as raised:
            getattr(estimator, method)(images(*shape))
        assert str(shape) in str(raised.value)
        assert "(8, 8, 3)" in str(raised.value)


def test_a_validation_set_of_another_size():
    X, X_val = images(8, 9, 3), images(10, 8, 3)
    classifier = TransferClassifier(
        network(None, None, 3), epochs=2, early_stopping=True, random_state=0
    )
    y = np.arange(8) % 2
    assert len(classifier.fit(X, y, X_val=X_val, y_val=y).validation_scores_) > 0


def test_flattened_images_after_a_fit_on_images():
    X = images(8, 8, 3)
    fitted = fit(network(8, 8, 3), X)
    flat = X.reshape(len(X), -1)
    np.testing.assert_array_equal(fitted.predict_proba(flat), fitted.predict_proba(X))
    with pytest.raises(BackboneError, match=r"\(190,\).*\(8, 8, 3\)"):
        fitted.predict(flat[:, :190])
    with pytest.raises(ValueError, match="Expected 2D array"):
        fitted.predict(flat[0])


# ---- gray images


@pytest.mark.parametrize(
    ("shape", "input_shape", "code"),
    [
        ((8, 9), (8, 9, 3), "np.repeat(X[..., None], 3, axis=-1)"),
        ((8, 9, 1), (8, 9, 3), "np.repeat(X, 3, axis=-1)"),
        ((8, 9), (None, None, 3), "np.repeat(X[..., None], 3, axis=-1)"),
        ((72,), (8, 9, 3), "np.repeat(X.reshape(-1, 8, 9, 1), 3, axis=-1)"),
        ((8, 9), (3, 8, 9), "np.repeat(X[:, None], 3, axis=1)"),
        ((1, 8, 9), (3, 8, 9), "np.repeat(X, 3, axis=1)"),
        ((72,), (3, 8, 9), "np.repeat(X.reshape(-1, 8, 9)[:, None], 3, axis=1)"),
    ],
)
def test_the_advice_for_gray_images_is_right(shape, input_shape, code):
    assert f" {code}." in gray_advice(shape, input_shape)
    X = images(*shape)
    repeated = eval(code, {"np": np, "X": X})
    assert len(repeated) == len(X)
    for size, expected in zip(repeated.shape[1:], input_shape, strict=True):
        assert expected in (None, size)


@pytest.mark.parametrize("input_shape", [(64,), (8, 8, 1), (8, 8), (8, 8, 2)])
def test_no_advice_for_other_networks(input_shape):
    assert gray_advice((8, 8), input_shape) == ""
    assert gray_advice((8, 8, 2), (8, 8, 3)) == ""


@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 1)])
def test_gray_images_on_a_color_network(shape):
    with pytest.raises(BackboneError, match=r"np\.repeat\(X.*, 3, axis=-1\)"):
        fit(network(32, 32, 3), images(*shape))
    if len(shape) == 2:
        with pytest.raises(BackboneError, match=r"np\.repeat\(X.*, 3, axis=-1\)"):
            fit("MobileNetV2", images(*shape), weights=None)


# ---- pixels


def scaled_warnings(backbone, X, **parameters):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        BackboneFeatures(backbone, **parameters).fit(X)
    return [str(w.message) for w in caught if "0 to 255" in str(w.message)]


def test_scaled_pixels_on_an_application():
    X = images(32, 32, 3)
    application = {"backbone": "MobileNetV2", "weights": None}
    for scaled in (X / 255, X / 127.5 - 1, (X > 100).astype(np.uint8)):
        (message,) = scaled_warnings(X=scaled, **application)
        assert message.startswith("backbone='MobileNetV2' expects pixels from 0 to 255")
    assert not scaled_warnings(X=X, **application)
    assert not scaled_warnings(X=X / 127.5 - 1, preprocess=None, **application)
    backbone = BackboneFeatures(**application).fit(X).backbone_
    assert len(scaled_warnings(backbone, X / 255)) == 1


def test_scaled_pixels_on_an_application_that_scales_itself():
    X = images(32, 32, 3)
    for preprocess in ("auto", None):
        application = {"weights": None, "preprocess": preprocess}
        assert scaled_warnings("MobileNetV3Small", X / 255, **application)
    assert not scaled_warnings("MobileNetV3Small", X, weights=None)


def test_scaled_pixels_on_the_preprocessing_of_an_application():
    X, model = images(8, 8, 3), network(8, 8, 3)
    (message,) = scaled_warnings(model, X / 255, preprocess="VGG16")
    assert message.startswith("preprocess='VGG16' expects")
    assert not scaled_warnings(model, X, preprocess="VGG16")
    assert not scaled_warnings(model, X / 255)
