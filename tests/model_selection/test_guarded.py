"""GuardedInfoMaxScorer: both of its answers by hand, and what it prevents."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import DomainAdaptedClassifier
from sktransfer.datasets import load_shifted_digits, make_shifted_classification
from sktransfer.model_selection import (
    GuardedInfoMaxScorer,
    InfoMaxScorer,
    StratifiedDomainKFold,
)


def half_models(estimator, X, y, seed):
    """Models of each half of the source."""
    folds = StratifiedKFold(2, shuffle=True, random_state=seed)
    return [
        sklearn.clone(estimator).fit(X[train], y[train])
        for train, _ in folds.split(X, y)
    ]


def seed_of_halves():
    return int(np.random.default_rng(0).integers(2**31))


def test_no_failure_is_agreement_with_models_of_the_source(rows):
    X, y, sample_domain = rows
    source = sample_domain >= 0
    adapted = GaussianNB().fit(X[~source], y[~source])
    halves = half_models(GaussianNB(), X[source], y[source], seed_of_halves())
    mean = np.mean([model.predict_proba(X[~source]) for model in halves], axis=0)
    expected = np.mean(adapted.predict(X[~source]) == mean.argmax(axis=1))
    assert GuardedInfoMaxScorer()(adapted, *rows) == expected
    assert 0.5 < expected < 1


def digits_of(kind):
    X, y, sample_domain = load_shifted_digits(kind, random_state=0)
    return X.reshape(len(X), -1), y, sample_domain


def test_a_failure_is_infomax():
    X, y, sample_domain = digits_of("translated")
    source = sample_domain >= 0
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    for model in (pipe, GaussianNB()):
        model.fit(X[source], y[source])
        scorer = GuardedInfoMaxScorer(estimator=pipe)
        expected = InfoMaxScorer()(model, X, y, sample_domain) / np.log(10)
        assert scorer(model, X, y, sample_domain) == pytest.approx(expected)


def test_the_answer_is_that_of_the_estimator_without_adaptation():
    """Of methods that need a target too, such as "mme"."""
    X, y, sample_domain = make_shifted_classification(kind="moons", random_state=0)
    parameters = {"epochs": 3, "random_state": 0}
    some = np.where(np.arange(len(y)) % 9 == 0, y, np.where(sample_domain < 0, -1, y))
    scores = []
    for method in ("source_only", "mme"):
        clf = DomainAdaptedClassifier(
            method=method, target_labels="use", **parameters
        ).fit(X, some, sample_domain=sample_domain)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            scores.append(GuardedInfoMaxScorer()(clf, X, some, sample_domain))
        plain = DomainAdaptedClassifier(method="source_only", **parameters)
        scorer = GuardedInfoMaxScorer(estimator=plain)
        assert scorer(clf, X, some, sample_domain) == scores[-1]
    assert all(0 <= score <= 1 for score in scores)


def test_under_a_label_shift_it_keeps_the_source_network():
    """InfoMax chooses predictions of equal classes there, and loses."""
    rng = np.random.default_rng(0)
    y = np.r_[np.arange(300) % 2, rng.random(300) < 0.9].astype(int)
    X = rng.normal(size=(600, 3)) + 1.5 * y[:, None]
    sample_domain = np.repeat([0, -1], 300)
    target = sample_domain < 0
    clf = DomainAdaptedClassifier(epochs=10, random_state=0)
    accuracy = {}
    for scorer in (InfoMaxScorer(), GuardedInfoMaxScorer()):
        with sklearn.config_context(enable_metadata_routing=True):
            search = GridSearchCV(
                clf,
                {"method": ["shot", "source_only", "dan"]},
                scoring=scorer,
                cv=StratifiedDomainKFold(2),
                error_score="raise",
            ).fit(X, np.where(target, 0, y), sample_domain=sample_domain)
        accuracy[type(scorer)] = search.best_estimator_.score(X[target], y[target])
    plain = clf.set_params(method="source_only")
    plain.fit(X, y, sample_domain=sample_domain)
    assert accuracy[GuardedInfoMaxScorer] == plain.score(X[target], y[target])
    assert accuracy[InfoMaxScorer] < accuracy[GuardedInfoMaxScorer] - 0.05


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_too_few_samples(labels):
    X, sample_domain = np.arange(8.0)[:, None], np.repeat([0, -1], 4)
    model = GaussianNB().fit(X, np.arange(8) % 2)
    with pytest.raises(ValueError, match="two classes or more, and two samples"):
        GuardedInfoMaxScorer()(model, X, np.r_[labels, labels], sample_domain)


def test_needs_probabilities(rows):
    with pytest.raises(ValueError, match="'estimator' parameter"):
        GuardedInfoMaxScorer(estimator=StandardScaler())(GaussianNB(), *rows)
