"""Domains that lack classes: each method has a result, or an error that says so."""

import keras
import numpy as np
import pytest
from domain_methods import assert_same_network
from domains import NEEDS_LABELS

from sktransfer import DomainAdaptedClassifier
from sktransfer.adaptation import DomainStandardize
from sktransfer.adaptation.registry import METHODS

N_CLASSES = 3
EVERY_METHOD = pytest.mark.parametrize("method", METHODS)


def network():
    """A network with batch normalization, which one of the methods needs."""
    initializer = keras.initializers.GlorotUniform(seed=0)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(16, "relu", kernel_initializer=initializer),
            keras.layers.BatchNormalization(),
        ],
        name="small",
    )


def domains(source_classes, target_classes, n=60):
    """Samples of both domains, of some of the classes."""
    rng = np.random.default_rng(0)
    y = np.concatenate([np.resize(source_classes, n), np.resize(target_classes, n)])
    sample_domain = np.repeat([0, -1], n)
    X = rng.normal(size=(2 * n, 4)) + 3 * np.eye(N_CLASSES, 4)[y]
    return X + 0.3 * (sample_domain < 0)[:, None], y, sample_domain


def make(method, **parameters):
    # Some methods need labels of the target.
    labels = "use" if method in NEEDS_LABELS else "ignore"
    defaults = {"epochs": 2, "random_state": 0, "target_labels": labels}
    return DomainAdaptedClassifier(network, method=method, **(defaults | parameters))


@EVERY_METHOD
@pytest.mark.parametrize("target_classes", [[0, 1], [2]], ids=["two", "one"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_target_that_lacks_classes(method, target_classes):
    X, y, sample_domain = domains(range(N_CLASSES), target_classes)
    model = make(method).fit(X, y, sample_domain=sample_domain)
    proba = model.predict_proba(X)
    assert proba.shape == (len(X), N_CLASSES)
    assert np.isfinite(proba).all()
    assert model.classes_.tolist() == [0, 1, 2]


@EVERY_METHOD
def test_source_of_one_class(method):
    X, y, sample_domain = domains([1], range(N_CLASSES))
    model = make(method, target_labels="ignore")
    with pytest.raises(ValueError, match=r"y has one class, 1 .*at least 2 classes"):
        model.fit(X, y, sample_domain=sample_domain)


@EVERY_METHOD
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_classes_that_only_the_target_has(method):
    X, y, sample_domain = domains([1], range(N_CLASSES))
    model = make(method, target_labels="use").fit(X, y, sample_domain=sample_domain)
    assert model.classes_.tolist() == [0, 1, 2]
    assert np.isfinite(model.predict_proba(X)).all()


@EVERY_METHOD
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_several_sources_of_one_class_each(method):
    X, y, sample_domain = domains(range(N_CLASSES), range(N_CLASSES))
    sample_domain = np.where(sample_domain < 0, -1, y)
    model = make(method, epochs=20, learning_rate=0.02)
    model.fit(X, y, sample_domain=sample_domain)
    target = sample_domain < 0
    assert model.score(X[target], y[target]) > 0.8


@pytest.mark.parametrize("method", ["auto", "label_shift", "domain_standardize"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_classes_with_few_samples(method):
    """Networks are trained on folds of the source, some of which lack a class."""
    X, y, sample_domain = domains([0], range(N_CLASSES))
    X[0] += 3
    y[0] = 1
    model = make(method).fit(X, y, sample_domain=sample_domain)
    assert np.isfinite(model.predict_proba(X)).all()
    assert model.classes_.tolist() == [0, 1]
    first = np.r_[0:2, 60:120]
    with pytest.raises(ValueError, match=r"1 samples\. Expected .*'source_only'\.$"):
        make(method).fit(X[first], y[first], sample_domain=sample_domain[first])


def test_sources_with_other_class_priors_keep_their_scales():
    X, y, sample_domain = domains(range(N_CLASSES), range(N_CLASSES))
    several = np.where(sample_domain < 0, -1, y)
    model, expected = (make(DomainStandardize(guard=guard)) for guard in (True, False))
    with pytest.warns(UserWarning, match="sample_domain=0 has the class prior"):
        model.fit(X, y, sample_domain=several)
    expected.fit(X, y, sample_domain=sample_domain)
    assert_same_network(model, expected)
