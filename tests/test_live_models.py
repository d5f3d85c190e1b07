"""Copies of an estimator with a live model of an unregistered class."""

import copy
import pickle

import cloudpickle
import keras
import numpy as np
import pytest
from keras import layers
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import (
    Backbone,
    BackboneFeatures,
    DomainAdaptedClassifier,
    TransferClassifier,
)
from sktransfer.exceptions import BackboneError


class Scale(layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


def double(x):
    return 2 * keras.ops.relu(x)


class Subclassed(keras.Model):
    def call(self, x):
        return x


@pytest.fixture
def live():
    """A nested model with a class and a function that are not registered."""
    keras.utils.set_random_seed(0)
    inner = keras.Sequential(
        [keras.Input((6,)), layers.Dense(4, activation=double, name="inner")]
    )
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(6, activation="tanh", name="first"),
            Scale(3.0),
            inner,
            layers.Dense(3, activation="softmax", name="head"),
        ]
    )


@pytest.fixture
def rows():
    X = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
    return X, (X[:, 0] > 0).astype(int)


COPIES = {
    "clone": clone,
    "deepcopy": copy.deepcopy,
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "cloudpickle": lambda estimator: cloudpickle.loads(cloudpickle.dumps(estimator)),
}


def make(live, **parameters):
    return TransferClassifier(live, epochs=2, random_state=0, **parameters)


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_has_a_backbone_and_the_same_fit(live, rows, copied):
    X, y = rows
    estimator = make(live)
    other = copied(estimator)
    assert estimator.backbone is live
    assert other.backbone == Backbone.from_model(live)
    expected = estimator.fit(X, y).predict_proba(X)
    assert estimator.backbone is live
    np.testing.assert_array_equal(other.fit(X, y).predict_proba(X), expected)
    fitted = copied(estimator)
    if copied is clone:
        fitted.fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


def test_the_backbone_is_made_once(live):
    estimator = make(live)
    backbone = clone(estimator).backbone
    others = clone(clone(estimator)), copy.deepcopy(estimator), clone(make(live))
    assert all(other.backbone is backbone for other in others)
    live.layers[0].bias.assign_add(np.ones(6))
    assert clone(estimator).backbone != backbone


@pytest.mark.parametrize(
    "parameters",
    [
        {"feature_layer": "output"},
        {"feature_layer": "first"},
        {"weights": None},
        {"weights": None, "feature_layer": "output"},
        {"weights": "path"},
    ],
    ids=str,
)
def test_other_parameters_apply_to_the_whole_model(live, rows, tmp_path, parameters):
    """The Backbone of a clone has lost nothing that they may use."""
    if parameters.get("weights") == "path":
        path = tmp_path / "nested.weights.h5"
        live.save_weights(path)
        live.layers[0].bias.assign_add(np.ones(6))
        parameters = {"weights": str(path)}
    X, y = rows
    estimator = make(live, **parameters)
    other = clone(make(live)).set_params(**parameters)
    expected = estimator.fit(X, y)
    assert other.fit(X, y).backbone_ == expected.backbone_


def test_pickles_share_the_weights(live):
    backbone = clone(make(live)).backbone
    shared = {id(array) for array in backbone.weights}
    assert shared < {id(array) for array in backbone.model_copy.weights}
    again = pickle.loads(pickle.dumps(backbone))
    assert again == backbone
    assert again.model_copy.digest == backbone.model_copy.digest
    assert again.model_copy.weights[0] is again.weights[0]


def test_search_and_other_estimators(live, rows):
    grid = {"transferclassifier__feature_layer": ["auto", "output"]}
    pipeline = make_pipeline(StandardScaler(), make(live))
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(*rows)
    assert isinstance(search.best_estimator_[-1].backbone, Backbone)
    features = clone(BackboneFeatures(live)).fit(rows[0])
    assert features.transform(rows[0]).shape == (40, 4)
    adapted = copy.deepcopy(DomainAdaptedClassifier(live))
    assert isinstance(adapted.backbone, Backbone)


def test_worker_processes_get_a_class_that_cannot_be_imported(rows):
    """As those of loky get it; for such classes they use cloudpickle."""

    class Local(Scale):
        pass

    model = keras.Sequential([keras.Input((5,)), Local(), layers.Dense(4, "relu")])
    estimator = make(model)
    copied = cloudpickle.loads(cloudpickle.dumps(estimator))
    assert type(copied.backbone.build().layers[1]).__name__ == "Local"
    expected = estimator.fit(*rows).predict_proba(rows[0])
    np.testing.assert_array_equal(copied.fit(*rows).predict_proba(rows[0]), expected)


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_model_that_cannot_be_a_backbone(copied):
    with pytest.raises(BackboneError, match="is a subclassed") as raised:
        copied(TransferClassifier(Subclassed()))
    assert len(str(raised.value)) < 400


def test_a_layer_without_configuration_has_a_short_error(rows):
    class Unfinished(Scale):
        def get_config(self):
            return {"factor": object()}

    model = keras.Sequential([keras.Input((5,)), Unfinished(), layers.Dense(3)])
    for call in (clone, lambda estimator: estimator.fit(*rows)):
        with pytest.raises(BackboneError, match="get_config") as raised:
            call(make(model))
        assert len(str(raised.value)) < 500


def test_names_that_the_package_uses_are_free(rows):
    """A layer of the user may be named as the one that is put behind it."""
    model = keras.Sequential([keras.Input((5,)), layers.Dense(4, "relu", name="head")])
    assert make(model).fit(*rows).predict(rows[0]).shape == (40,)
