"""Labels: missing ones, one class, and few samples for each class."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from sktransfer import DomainAdaptedClassifier, TransferClassifier
from sktransfer._inputs.labels import repeat_few_labels
from sktransfer.model_selection import (
    CircularValidation,
    InfoMaxScorer,
    SupervisedScorer,
)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    return rng.normal(size=(40, 3)) + y[:, None], y


def mask(y, missing):
    masked = y.astype(object)
    masked[:3] = missing
    return masked


@pytest.mark.parametrize(
    "labels",
    [
        lambda y: mask(y, None),
        lambda y: mask(y, np.nan).astype(float),
        lambda y: mask(y, pd.NA),
        lambda y: pd.Series(mask(y, pd.NA), dtype="Int64"),
        lambda y: pd.Series(mask(y.astype(str), None)),
        lambda y: mask(y.astype(str), np.nan).tolist(),
        lambda y: mask(y, None)[:, None],
    ],
)
def test_missing_labels(labels, rows):
    X, y = rows
    message = r"^y has 3 missing labels \(None or NaN\) among 40 .*sample_domain"
    for estimator in (TransferClassifier("mlp"), DomainAdaptedClassifier()):
        with pytest.raises(ValueError, match=message):
            estimator.fit(X, labels(y))
    with pytest.raises(ValueError, match=message):
        TransferClassifier("mlp").partial_fit(X, labels(y), classes=[0, 1])
    with pytest.raises(ValueError, match=r"^y_val has 3 missing labels"):
        TransferClassifier("mlp", early_stopping=True).fit(
            X, y, X_val=X, y_val=labels(y)
        )


def test_missing_labels_of_the_source(rows):
    X, y = rows
    sample_domain = np.repeat([0, -1], 20)
    with pytest.raises(
        ValueError, match=r"y has 3 missing labels .* 20 samples of the"
    ):
        DomainAdaptedClassifier().fit(X, mask(y, None), sample_domain=sample_domain)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (None, "y has 20 missing labels .*Check the sign of sample_domain"),
        (-1, "y has one class, -1 .*Check the sign of sample_domain"),
    ],
)
def test_other_sign_of_sample_domain(missing, message, rows):
    X, y = rows
    y = y.astype(object)
    y[20:] = missing
    with pytest.raises(ValueError, match=message):
        DomainAdaptedClassifier().fit(X, y, sample_domain=np.repeat([-1, 0], 20))


def test_one_class(rows):
    X, _ = rows
    for estimator in (TransferClassifier("mlp"), DomainAdaptedClassifier()):
        with pytest.raises(ValueError, match="y has one class, 'a'") as error:
            estimator.fit(X, np.full(40, "a"))
        assert "sample_domain" not in str(error.value)


def test_numbers_to_predict(rows):
    X, _ = rows
    with pytest.raises(ValueError, match=r"Unknown label type: continuous\. y has"):
        TransferClassifier("mlp").fit(X, X[:, 0])


def test_repeated_samples_have_the_same_solution():
    rng = np.random.default_rng(0)
    y = np.arange(30) % 18
    X, weight = rng.normal(size=(30, 4)), rng.random(30)
    repeated = repeat_few_labels(X, y, weight)
    assert [len(array) for array in repeated] == [60, 60, 60]
    model = LogisticRegression(tol=1e-10, max_iter=1000)
    with pytest.warns(UserWarning, match="number of unique classes"):
        expected = model.fit(X, y, weight).coef_
    np.testing.assert_allclose(model.fit(*repeated).coef_, expected, atol=1e-6)
    few = X[:20], y[:20], None
    assert all(a is b for a, b in zip(repeat_few_labels(*few), few, strict=True))


@pytest.fixture
def one_sample_a_class():
    return np.random.default_rng(0).normal(size=(30, 8)), np.arange(30)


def test_no_warning_of_many_classes(one_sample_a_class):
    X, y = one_sample_a_class
    sample_domain = np.repeat([0, -1], 30)
    both = np.concatenate([X, X + 0.1]), np.tile(y, 2)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "The number of unique classes")
        source = TransferClassifier("mlp", epochs=1).fit(X, y)
        source.partial_fit(X, y)
        # A linear probe comes first.
        clf = TransferClassifier(source.backbone_, epochs=1, early_stopping=True)
        clf.fit(X, y, X_val=X, y_val=y).score(X, y)
        TransferClassifier().fit(X, y).predict(X)
        adapted = DomainAdaptedClassifier(method="dan", epochs=1)
        adapted.fit(*both, sample_domain=sample_domain)
        for scorer in (SupervisedScorer(), CircularValidation(), InfoMaxScorer()):
            scorer(adapted, *both, sample_domain)
