"""Weights files whose classification layer is another one, or missing."""

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from keras.src.legacy.saving import legacy_h5_format
from sklearn.base import clone

from sktransfer import BackboneFeatures, TransferClassifier
from sktransfer.exceptions import WeightsMismatchError

X = np.random.default_rng(0).normal(size=(12, 5)).astype("float32")
Y = np.arange(12) % 2


def network(n_classes, widths=(8, 6), *, nested=False, seed=0):
    """A network with a softmax of n_classes; without one if it is None."""
    keras.utils.set_random_seed(seed)
    body = [layers.Dense(width, activation="tanh") for width in widths]
    if nested:
        body = [keras.Sequential([keras.Input((5,)), *body])]
    if n_classes:
        body.append(layers.Dense(n_classes, activation="softmax"))
    return keras.Sequential([keras.Input((5,)), *body])


def save_legacy(model, path):
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


SAVE = {
    "w.weights.h5": lambda model, path: model.save_weights(path),
    "model.keras": lambda model, path: model.save(path),
    "model.h5": lambda model, path: model.save(path),
    "legacy.h5": save_legacy,
}


@pytest.fixture(params=SAVE)
def saved(request, tmp_path):
    def save(model):
        SAVE[request.param](model, tmp_path / request.param)
        return tmp_path / request.param

    return save


def load(model, path, **parameters):
    return BackboneFeatures(model, weights=path, **parameters).fit(X).backbone_


@pytest.mark.parametrize(
    ("in_model", "in_file", "nested"),
    [
        (3, 4, False),
        (3, None, False),
        (None, 4, False),
        (3, 4, True),
        (3, None, True),
    ],
)
def test_the_features_are_those_of_the_file(saved, in_model, in_file, nested):
    other = network(in_file, nested=nested, seed=1)
    backbone = load(network(in_model, nested=nested), saved(other))
    assert len(backbone.weights) == 4
    for loaded, expected in zip(backbone.weights, other.get_weights(), strict=False):
        np.testing.assert_array_equal(loaded, expected)
    assert backbone.head is None


def test_a_head_that_fits_is_kept(saved):
    other = network(3, seed=1)
    backbone = load(network(3), saved(other))
    np.testing.assert_array_equal(backbone.head[0], other.get_weights()[-2])


def test_a_clone_loads_the_same(saved):
    path = saved(network(4, seed=1))
    estimator = TransferClassifier(network(3), weights=path, epochs=1, random_state=0)
    expected = clone(estimator).fit(X, Y).backbone_
    assert estimator.fit(X, Y).backbone_ == expected


def test_the_layer_is_needed_for_features_behind_it(saved):
    with pytest.raises(WeightsMismatchError, match="of another"):
        load(network(3), saved(network(4)), feature_layer="output")


@pytest.mark.parametrize(
    ("in_model", "in_file", "said"),
    [
        ((3,), (3, (8, 6, 6)), "2 more weights than the model.*larger network"),
        ((None,), (3, (8, 6, 6)), "4 more weights than the model.*larger network"),
        ((3,), (None, (8,)), r"\d weights are missing in the file"),
        ((3,), (3, (9, 6)), "of another architecture"),
        ((None,), (4, (8, 7)), "of another architecture"),
    ],
    ids=str,
)
def test_a_file_of_another_network(saved, in_model, in_file, said):
    with pytest.raises(WeightsMismatchError, match=said) as raised:
        load(network(*in_model), saved(network(*in_file)))
    assert "cut_off" not in str(raised.value)


def test_an_application_reads_files_with_its_top(saved):
    name, options = "MobileNetV2", {"alpha": 1.0, "input_shape": (32, 32, 3)}
    top = keras.applications.MobileNetV2(weights=None, classes=7, **options)
    images = np.full((2, 32, 32, 3), 100)
    backbone = BackboneFeatures(name, weights=saved(top)).fit(images).backbone_
    for loaded, expected in zip(backbone.weights, top.get_weights(), strict=False):
        np.testing.assert_array_equal(loaded, expected)
