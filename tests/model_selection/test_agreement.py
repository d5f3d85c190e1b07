"""EnsembleAgreement: the chosen candidate by hand, in searches, and its errors."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import DomainAdaptedClassifier
from sktransfer.adaptation import SHOT
from sktransfer.datasets import load_shifted_digits, make_shifted_classification
from sktransfer.model_selection import (
    EnsembleAgreement,
    InfoMaxScorer,
    SourceTargetShuffleSplit,
)


class Fixed(ClassifierMixin, BaseEstimator):
    """Predicts given probabilities, or fails."""

    def __init__(self, proba=None, classes=(0, 1)):
        self.proba = proba
        self.classes = classes

    def fit(self, X, y):
        if self.proba is None or self.proba == "late":
            raise RuntimeError("no probabilities")
        self.classes_ = np.array(self.classes)
        return self

    def predict_proba(self, X):
        return np.resize(self.proba, (len(X), 2))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


X_FIXED, Y_FIXED = np.zeros((8, 1)), np.arange(8) % 2
DOMAIN = np.repeat([0, -1], 4)


def agreement_of(estimator=None, **parameters):
    """Without the guard, unless parameters say otherwise."""
    estimator = Fixed() if estimator is None else estimator
    parameters = {"guard": False} | parameters
    return EnsembleAgreement(estimator, X_FIXED, Y_FIXED, DOMAIN, **parameters)


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


def test_candidates_whose_fit_fails_are_left_out():
    candidates = [{"proba": "late"}, {"proba": [[1, 0]]}]
    agreement = agreement_of()
    with pytest.warns(FitFailedWarning, match="RuntimeError: no probabilities"):
        assert agreement(results_of(*candidates)) == 1
    np.testing.assert_array_equal(agreement.agreement_, [np.nan, 1.0])
    with (
        pytest.warns(FitFailedWarning),
        pytest.raises(ValueError, match="No candidate can be fitted"),
    ):
        agreement_of()(results_of({"proba": "late"}))


def test_other_classes():
    candidates = {"proba": [[1, 0]]}, {"proba": [[1, 0]], "classes": (0, 2)}
    with pytest.raises(ValueError, match=r"different classes: \[0, 1\] and \[0, 2\]"):
        agreement_of()(results_of(*candidates))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("estimator", 3),
        ("fit_params", [1]),
        ("guard", "no"),
        ("n_jobs", "all"),
        ("n_jobs", 1.5),
    ],
)
def test_parameters(name, value):
    agreement = agreement_of().set_params(**{name: value})
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        agreement(results_of({"proba": [[1, 0]]}))


@pytest.mark.parametrize("name", ["source", "target"])
def test_no_samples_of_a_domain(name):
    domain = np.full(8, -1 if name == "source" else 0)
    agreement = agreement_of().set_params(sample_domain=domain)
    with pytest.raises(ValueError, match=f"needs samples of the {name}"):
        agreement(results_of({"proba": [[1, 0]]}))


def toy():
    X, y, sample_domain = make_shifted_classification(random_state=0)
    order = np.random.default_rng(0).permutation(len(y))
    return X[order], y[order], sample_domain[order]


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
    X, y, sample_domain = toy()
    weight = np.where(sample_domain < 0, 0.0, 1.0)
    strengths = [1e-4, 1e-3, 1e-2, 1.0]
    agreement = EnsembleAgreement(
        LogisticRegression(),
        X,
        y,
        sample_domain,
        fit_params={"sample_weight": weight},
        guard=False,
        n_jobs=n_jobs,
    )
    options = {"n_iter": 4, "random_state": 0} if search is RandomizedSearchCV else {}
    fitted = search(
        LogisticRegression(), {"C": strengths}, refit=agreement, cv=2, **options
    ).fit(X, y, sample_weight=weight)
    candidates = [LogisticRegression(**p) for p in fitted.cv_results_["params"]]
    expected = chosen_by_hand(candidates, X, y, X[sample_domain < 0], weight)
    assert fitted.best_index_ == expected
    assert fitted.best_estimator_.C == candidates[expected].C
    assert agreement.source_fails_ is None


def test_estimators_as_candidates_and_no_probabilities():
    """A step of a pipeline may be a candidate; labels replace probabilities."""
    X, y, sample_domain = toy()
    y = np.array(["a", "b"])[y]
    pipe = make_pipeline(StandardScaler(), RidgeClassifier())
    ridge = RidgeClassifier()
    agreement = EnsembleAgreement(pipe, X, y, sample_domain, guard=False)
    search = GridSearchCV(
        pipe,
        {"ridgeclassifier": [ridge, KNeighborsClassifier()]},
        refit=agreement,
        cv=2,
    ).fit(X, y)
    source, X_target = sample_domain >= 0, X[sample_domain < 0]
    votes = [
        make_pipeline(StandardScaler(), model).fit(X[source], y[source])
        for model in (RidgeClassifier(), KNeighborsClassifier())
    ]
    votes = np.array([votes[0].predict(X_target), votes[1].predict(X_target)])
    # Of two candidates that disagree, the mean is that of the more certain one.
    sure = np.abs(
        make_pipeline(StandardScaler(), KNeighborsClassifier())
        .fit(X[source], y[source])
        .predict_proba(X_target)[:, 0]
        - 0.5
    )
    assert agreement.agreement_[0] == np.mean((votes[0] == votes[1]) | (sure <= 0.5))
    assert search.best_index_ == 0
    # The candidates of the search stay unfitted.
    assert not hasattr(ridge, "coef_")


# ---- the guard


def half_models(estimator, X, y):
    seed = int(np.random.default_rng(0).integers(2**31))
    folds = StratifiedKFold(2, shuffle=True, random_state=seed)
    return [clone(estimator).fit(X[train], y[train]) for train, _ in folds.split(X, y)]


def test_no_failure_is_agreement_with_models_of_the_source(rows):
    X, y, sample_domain = rows
    source = sample_domain >= 0
    smoothings = [1e-9, 0.1, 1.0, 10.0]
    halves = half_models(GaussianNB(), X[source], y[source])
    mean = np.mean([model.predict_proba(X[~source]) for model in halves], axis=0)
    expected = []
    for smoothing in smoothings:
        model = GaussianNB(var_smoothing=smoothing).fit(X[source], y[source])
        expected.append(np.mean(model.predict(X[~source]) == mean.argmax(axis=1)))
    # Labels of the target do not count.
    y = np.where(source, y, -1)
    agreement = EnsembleAgreement(GaussianNB(), X, y, sample_domain)
    candidates = [{"var_smoothing": smoothing} for smoothing in smoothings]
    assert agreement(results_of(*candidates)) == int(np.argmax(expected))
    np.testing.assert_array_equal(agreement.agreement_, expected)
    assert agreement.source_fails_ is False
    assert agreement.decision_.columns == ["evidence", "value", "condition", "holds"]
    assert not all(agreement.decision_["holds"])


def test_weights_count_for_the_guard(rows):
    _, y, sample_domain = rows
    source = sample_domain >= 0
    weight = np.where(y == 0, 0.5, 2.0)
    values = []
    for parameters in ({}, {"fit_params": {"sample_weight": weight}}):
        agreement = EnsembleAgreement(GaussianNB(), *rows, **parameters)
        agreement(results_of({}))
        values.append(agreement.decision_["value"])
    assert values[0] != values[1]
    prior = np.bincount(y[source], weight[source]) / weight[source].sum()
    expected = np.abs(prior - 1 / 3).sum() / 2
    assert values[1][2] == pytest.approx(expected)


@pytest.mark.parametrize("labels", [np.arange(10), np.array(list("abcdefghij"))])
def test_a_failure_is_agreement_with_the_ensemble(labels):
    X, y, sample_domain = load_shifted_digits("translated", random_state=0)
    X, y = X.reshape(len(X), -1), labels[y]
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    candidates = [{"logisticregression__C": C} for C in (1e-3, 1e-2, 1.0)]
    found = []
    for guard in (True, False):
        agreement = EnsembleAgreement(pipe, X, y, sample_domain, guard=guard)
        found.append(agreement(results_of(*candidates)))
        found.append(agreement.agreement_.tolist())
        assert agreement.source_fails_ is (True if guard else None)
    assert found[:2] == found[2:]


def test_the_guard_uses_no_adaptation_and_no_label_of_the_target():
    """Methods that need a target, such as "mme", are left out of its models."""
    X, y, sample_domain = make_shifted_classification(kind="moons", random_state=0)
    clf = DomainAdaptedClassifier(epochs=3, random_state=0)
    found = []
    for labels in (y, np.where(sample_domain < 0, 1 - y, y)):
        agreement = EnsembleAgreement(clf, X, labels, sample_domain)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            agreement(results_of({"method": "source_only"}, {"method": "dan"}))
        found.append(agreement.agreement_.tolist())
    assert found[0] == found[1]
    base = clf.set_params(method="mme", target_labels="use")
    agreement = EnsembleAgreement(base, X, y, sample_domain)
    plain = {"target_labels": "ignore"}
    agreement(results_of({"method": "source_only"} | plain, {"method": "dan"} | plain))
    assert agreement.agreement_.tolist() == found[0]


def label_shift():
    """Classes of equal size in the source; 90 % of class 1 in the target."""
    rng = np.random.default_rng(0)
    y = np.r_[np.arange(300) % 2, rng.random(300) < 0.9].astype(int)
    X = rng.normal(size=(600, 3)) + 1.5 * y[:, None]
    return X, y, np.repeat([0, -1], 300)


def test_under_a_label_shift_the_guard_keeps_the_source_network():
    """Most candidates make the classes equal there, and lose."""
    X, y, sample_domain = label_shift()
    target = sample_domain < 0
    methods = [SHOT(), SHOT(0.5), SHOT(beta=0.1), "source_only"]
    clf = DomainAdaptedClassifier(epochs=5, random_state=0)
    scores = []
    for guard in (False, True):
        agreement = EnsembleAgreement(clf, X, y, sample_domain, guard=guard)
        search = GridSearchCV(
            clf,
            {"method": methods},
            scoring=InfoMaxScorer(),
            refit=agreement,
            cv=SourceTargetShuffleSplit(1, random_state=0),
            error_score="raise",
        )
        with sklearn.config_context(enable_metadata_routing=True):
            search.fit(X, np.where(target, 0, y), sample_domain=sample_domain)
        scores.append(search.best_estimator_.score(X[target], y[target]))
    plain = clf.set_params(method="source_only")
    plain.fit(X, y, sample_domain=sample_domain)
    expected = plain.score(X[target], y[target])
    assert scores[0] < expected - 0.05
    assert scores[1] > expected - 0.02


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 0, 1]])
def test_too_few_samples(labels):
    agreement = agreement_of(GaussianNB(), guard=True).set_params(
        X=np.arange(8.0)[:, None], y=np.r_[labels, 0, 1, 2, 3]
    )
    with pytest.raises(ValueError, match="of each of two classes"):
        agreement(results_of({}))


def test_weights_of_zero_are_no_samples():
    weight = np.array([1.0, 1, 1, 0, 1, 1, 1, 1])
    agreement = agreement_of(GaussianNB(), guard=True).set_params(
        X=np.arange(8.0)[:, None], fit_params={"sample_weight": weight}
    )
    with pytest.raises(ValueError, match=r"have \[2, 1\] samples"):
        agreement(results_of({}))


def test_sparse_samples(rows):
    X, y, sample_domain = rows
    found = []
    for samples in (X, csr_array(X)):
        agreement = EnsembleAgreement(LogisticRegression(), samples, y, sample_domain)
        agreement(results_of({"C": 0.1}, {"C": 1.0}))
        found.append(agreement.agreement_)
    np.testing.assert_allclose(*found, atol=0.02)


def test_probabilities_of_nan_are_left_out():
    candidates = {"proba": [[np.nan, 1]]}, {"proba": [[1, 0]]}
    agreement = agreement_of()
    with pytest.warns(FitFailedWarning, match="NaN or infinite"):
        assert agreement(results_of(*candidates)) == 1


def test_one_finite_metric_is_enough():
    results = results_of({"proba": [[1, 0]]}, {"proba": [[0, 1]]})
    results["mean_test_b"] = np.array([np.nan, np.nan])
    assert agreement_of()(results) == 0


def test_the_guard_needs_probabilities():
    X, y, sample_domain = toy()
    agreement = EnsembleAgreement(RidgeClassifier(), X, y, sample_domain)
    with pytest.raises(TypeError, match="needs an estimator with predict_proba"):
        agreement(results_of({"alpha": 1.0}))
    assert not hasattr(agreement, "agreement_")


@pytest.mark.parametrize("routed", [True, False])
def test_pipelines_frames_and_labels_of_text(routed):
    X, y, sample_domain = make_shifted_classification(
        kind="subspace", n_samples=60, random_state=0
    )
    frame = pd.DataFrame(X, columns=["a", "b"])
    labels = np.array(["no", "yes"], dtype=object)[y]
    labels[sample_domain < 0] = None
    clf = DomainAdaptedClassifier(epochs=3, random_state=0)
    pipe = make_pipeline(StandardScaler(), clf)
    methods = {"domainadaptedclassifier__method": ["source_only", "dan"]}
    scorer = InfoMaxScorer()
    if not routed:
        scorer.set_params(sample_domain=lambda rows: sample_domain[rows.index])
    with sklearn.config_context(enable_metadata_routing=routed):
        agreement = EnsembleAgreement(pipe, frame, labels, sample_domain)
        search = GridSearchCV(
            pipe,
            methods,
            scoring=scorer,
            refit=agreement,
            cv=SourceTargetShuffleSplit(1, random_state=0),
            error_score="raise",
        )
        if routed:
            search.fit(frame, labels, sample_domain=sample_domain)
        else:
            search.fit(
                frame,
                labels,
                groups=sample_domain,
                domainadaptedclassifier__sample_domain=sample_domain,
            )
    assert np.isfinite(agreement.agreement_).all()
    assert set(search.predict(frame)) <= {"no", "yes"}
    # The guard has left out the method in its own models.
    expected = EnsembleAgreement(
        make_pipeline(StandardScaler(), clone(clf).set_params(method="source_only")),
        frame,
        labels,
        sample_domain,
    )
    with sklearn.config_context(enable_metadata_routing=routed):
        expected(search.cv_results_)
    assert agreement.decision_["value"] == expected.decision_["value"]
