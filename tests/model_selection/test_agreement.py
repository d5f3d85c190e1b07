"""EnsembleAgreement: the chosen candidate by hand, in searches, and its errors."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer.datasets import make_shifted_classification
from sktransfer.model_selection import EnsembleAgreement


class Fixed(ClassifierMixin, BaseEstimator):
    """Predicts given probabilities, or fails."""

    def __init__(self, proba=None, classes=(0, 1)):
        self.proba = proba
        self.classes = classes

    def fit(self, X, y):
        if self.proba is None:
            raise RuntimeError("no probabilities")
        self.classes_ = np.array(self.classes)
        return self

    def predict_proba(self, X):
        return np.resize(self.proba, (len(X), 2))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


X_FIXED, Y_FIXED = np.zeros((20, 1)), np.arange(20) % 2


def agreement_of(estimator=None, **parameters):
    estimator = Fixed() if estimator is None else estimator
    parameters = {"X_target": np.zeros((4, 1))} | parameters
    return EnsembleAgreement(estimator, X_FIXED, Y_FIXED, **parameters)


def results_of(*candidates, scores=None):
    scores = np.zeros(len(candidates)) if scores is None else np.array(scores)
    return {"params": list(candidates), "mean_test_score": scores}


def test_by_hand():
    """The mean probability decides, not the vote, and each sample counts once."""
    sure = {"proba": [[1, 0], [1, 0], [1, 0], [0, 1]]}
    unsure = {"proba": [[0.4, 0.6], [0.4, 0.6], [0.9, 0.1], [0.1, 0.9]]}
    other = {"proba": [[0.4, 0.6], [0.4, 0.6], [0.4, 0.6], [0.6, 0.4]]}
    agreement = agreement_of()
    # Mean: class 0 for the first three samples, then class 1.
    assert agreement(results_of(other, unsure, sure)) == 2
    np.testing.assert_array_equal(agreement.agreement_, [0.0, 0.5, 1.0])


def test_the_first_of_equal_candidates():
    same = {"proba": [[0.3, 0.7]]}
    assert agreement_of()(results_of({"proba": [[1, 0]]}, same, same)) == 0
    assert agreement_of()(results_of(same, same, same)) == 0


def test_candidates_that_failed_are_left_out():
    candidates = [{"proba": None}, {"proba": [[1, 0]]}, {"proba": [[0, 1]]}]
    agreement = agreement_of()
    scores = [np.nan, 0.2, 0.1]
    assert agreement(results_of(*candidates, scores=scores)) == 1
    assert np.isnan(agreement.agreement_).tolist() == [True, False, False]
    with pytest.raises(ValueError, match="score of each candidate is NaN"):
        agreement(results_of(*candidates, scores=3 * [np.nan]))


def test_other_classes():
    candidates = {"proba": [[1, 0]]}, {"proba": [[1, 0]], "classes": (0, 2)}
    with pytest.raises(ValueError, match=r"other classes: \[0, 1\] and \[0, 2\]"):
        agreement_of()(results_of(*candidates))


@pytest.mark.parametrize(
    ("name", "value"),
    [("estimator", 3), ("fit_params", [1]), ("n_jobs", "all"), ("n_jobs", 1.5)],
)
def test_parameters(name, value):
    agreement = agreement_of().set_params(**{name: value})
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        agreement(results_of({"proba": [[1, 0]]}))


def toy():
    X, y, sample_domain = make_shifted_classification(random_state=0)
    order = np.random.default_rng(0).permutation(len(y))
    return X[order], y[order], sample_domain[order] < 0


def chosen_by_hand(candidates, X, y, X_target, weight):
    proba = []
    for candidate in candidates:
        model = clone(candidate).fit(X, y, sample_weight=weight)
        proba.append(model.predict_proba(X_target))
    labels = np.mean(proba, axis=0).argmax(axis=1)
    return int(np.argmax([(p.argmax(axis=1) == labels).mean() for p in proba]))


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("search", [GridSearchCV, RandomizedSearchCV])
def test_in_a_search(search, n_jobs):
    X, y, is_target = toy()
    weight = np.where(is_target, 0.0, 1.0)
    strengths = [1e-4, 1e-3, 1e-2, 1.0]
    agreement = EnsembleAgreement(
        LogisticRegression(),
        X,
        y,
        X_target=X[is_target],
        fit_params={"sample_weight": weight},
        n_jobs=n_jobs,
    )
    options = {"n_iter": 4, "random_state": 0} if search is RandomizedSearchCV else {}
    fitted = search(
        LogisticRegression(), {"C": strengths}, refit=agreement, cv=2, **options
    ).fit(X, y, sample_weight=weight)
    candidates = [LogisticRegression(**p) for p in fitted.cv_results_["params"]]
    expected = chosen_by_hand(candidates, X, y, X[is_target], weight)
    assert fitted.best_index_ == expected
    assert fitted.best_estimator_.C == candidates[expected].C


def test_estimators_as_candidates_and_no_probabilities():
    """A step of a pipeline may be a candidate; labels replace probabilities."""
    X, y, is_target = toy()
    X, X_target, y = X[~is_target], X[is_target], np.array(["a", "b"])[y[~is_target]]
    pipe = make_pipeline(StandardScaler(), RidgeClassifier())
    ridge = RidgeClassifier()
    agreement = EnsembleAgreement(pipe, X, y, X_target=X_target)
    search = GridSearchCV(
        pipe,
        {"ridgeclassifier": [ridge, KNeighborsClassifier()]},
        refit=agreement,
        cv=2,
    ).fit(X, y)
    assert search.best_index_ == int(np.argmax(agreement.agreement_))
    assert agreement.agreement_.shape == (2,)
    # The candidates of the search stay unfitted.
    assert not hasattr(ridge, "coef_")
