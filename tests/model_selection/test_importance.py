import math

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer.model_selection import (
    DeepEmbeddedValidation,
    ImportanceWeightedScorer,
    SupervisedScorer,
)


def weights_by_hand(X, sample_domain, seed=0):
    """p_target / p_source of each row of the source, by a model of the other folds."""
    source, target = X[sample_domain >= 0], X[sample_domain < 0]
    features = np.concatenate([source, target])
    is_target = np.array([False] * len(source) + [True] * len(target))
    fold_seed = int(np.random.default_rng(seed).integers(2**31))
    weights = np.zeros(len(features))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=fold_seed).split(
        features, is_target
    ):
        mean, deviation = features[train].mean(axis=0), features[train].std(axis=0)
        domain = LogisticRegression(max_iter=1000).fit(
            (features[train] - mean) / deviation, is_target[train]
        )
        for row in test:
            p = domain.predict_proba([(features[row] - mean) / deviation])[0]
            weights[row] = p[1] / p[0] * len(source) / len(target)
    return weights[: len(source)]


def test_weighted_accuracy(model, rows):
    X, y, sample_domain = rows
    source = sample_domain >= 0
    weights = weights_by_hand(X, sample_domain)
    right = sum(
        weight
        for weight, label, predicted in zip(
            weights, y[source], model.predict(X[source]), strict=True
        )
        if label == predicted
    )
    score = ImportanceWeightedScorer()(model, *rows)
    assert score == pytest.approx(right / sum(weights), rel=1e-9)
    assert score != pytest.approx(model.score(X[source], y[source]), abs=1e-3)


def test_metric(model, rows):
    X, y, sample_domain = rows
    source = sample_domain >= 0
    expected = balanced_accuracy_score(
        y[source],
        model.predict(X[source]),
        sample_weight=weights_by_hand(X, sample_domain),
    )
    scorer = ImportanceWeightedScorer(metric=balanced_accuracy_score)
    assert scorer(model, *rows) == pytest.approx(expected, rel=1e-9)


def risk(weights, losses):
    """Weighted loss with the control variate of You et al. (2019)."""
    n = len(weights)
    products = [w * loss for w, loss in zip(weights, losses, strict=True)]
    mean_w, mean_wl = sum(weights) / n, sum(products) / n
    covariance = sum(
        (p - mean_wl) * (w - mean_w) for p, w in zip(products, weights, strict=True)
    ) / (n - 1)
    variance = sum((w - mean_w) ** 2 for w in weights) / (n - 1)
    eta = -covariance / variance
    return mean_wl + eta * mean_w - eta


@pytest.mark.parametrize("loss", ["log_loss", "zero_one"])
def test_deep_embedded_validation(loss, model, rows):
    X, y, sample_domain = rows
    source = sample_domain >= 0
    proba, labels = model.predict_proba(X[source]), y[source]
    if loss == "log_loss":
        losses = [-math.log(p[label]) for p, label in zip(proba, labels, strict=True)]
    else:
        losses = [
            float(p.argmax() != label) for p, label in zip(proba, labels, strict=True)
        ]
    expected = -risk(weights_by_hand(X, sample_domain), losses)
    score = DeepEmbeddedValidation(loss=loss)(model, *rows)
    assert score == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("loss", "strategy", "expected"),
    [("log_loss", "prior", -math.log(3)), ("zero_one", "constant", -1)],
)
def test_control_variate_removes_all_variance_of_a_constant_loss(
    loss, strategy, expected, rows
):
    X, _, sample_domain = rows
    y = np.arange(150) % 3
    model = DummyClassifier(strategy=strategy, constant=2).fit(X, y)
    never_2 = y if strategy == "prior" else np.minimum(y, 1)
    score = DeepEmbeddedValidation(loss=loss)(model, X, never_2, sample_domain)
    assert score == pytest.approx(expected, rel=1e-9)


def test_features_that_are_the_same_everywhere(model, rows):
    """Weights are even, and the score is the mean loss on the source."""
    _, y, sample_domain = rows
    X = np.zeros((150, 4))
    right = model.predict(X)[sample_domain >= 0] == y[sample_domain >= 0]
    score = DeepEmbeddedValidation(loss="zero_one")(model, X, y, sample_domain)
    assert score == pytest.approx(np.mean(right) - 1, abs=0.02)
    score = ImportanceWeightedScorer()(model, X, y, sample_domain)
    assert score == pytest.approx(np.mean(right), abs=0.02)


def test_weights_take_the_target_share_of_regions():
    """The model is right for x < 0 alone; most of the target is not there."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-0.5, 1, 2000), rng.normal(0.7, 1, 2000)])
    sample_domain = np.repeat([0, -1], 2000)
    y = np.where((x < 0) | (rng.random(4000) < 0.5), 0, 1)
    model = DummyClassifier(strategy="constant", constant=0).fit(x[:, None], y)
    call = (model, x[:, None], y, sample_domain)
    target, source = SupervisedScorer()(*call), np.mean(y[:2000] == 0)
    assert source > target + 0.1
    assert ImportanceWeightedScorer()(*call) == pytest.approx(target, abs=0.04)
    zero_one = DeepEmbeddedValidation(loss="zero_one")
    assert 1 + zero_one(*call) == pytest.approx(target, abs=0.04)


def test_class_unknown_to_the_estimator_has_the_greatest_loss(model, rows):
    X, y, sample_domain = rows
    scorer = DeepEmbeddedValidation()
    unknown = np.where(y == 2, 9, y)
    assert scorer(model, X, unknown, sample_domain) < scorer(model, *rows) - 3


@pytest.mark.parametrize("cls", [ImportanceWeightedScorer, DeepEmbeddedValidation])
def test_domains_that_do_not_meet(cls, model, rows):
    X, y, sample_domain = rows
    far = X + 1e6 * (sample_domain < 0)[:, None]
    assert np.isfinite(cls()(model, far, y, sample_domain))


@pytest.mark.parametrize("cls", [ImportanceWeightedScorer, DeepEmbeddedValidation])
def test_weights_are_those_of_the_features(cls, rows):
    """A pipeline that drops what differs between the domains has even weights."""
    X, y, sample_domain = rows
    marked = np.column_stack([X, 10 * (sample_domain < 0)])
    source = sample_domain >= 0
    kept = make_pipeline(Columns(4), StandardScaler(), LogisticRegression())
    kept.fit(marked[source], y[source])
    plain = make_pipeline(StandardScaler(), LogisticRegression())
    plain.fit(X[source], y[source])
    score = cls()(kept, marked, y, sample_domain)
    assert score == pytest.approx(cls()(plain, X, y, sample_domain))


class Columns(StandardScaler):
    """The first columns."""

    def __init__(self, n=1):
        self.n = n

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X[:, : self.n]
