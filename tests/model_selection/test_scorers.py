"""What holds for every scorer."""

import pickle
import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from source_only import SourceOnly

from sktransfer.model_selection import (
    BNMScorer,
    CircularValidation,
    ClassAMIScorer,
    DeepEmbeddedValidation,
    ImportanceWeightedScorer,
    InfoMaxScorer,
    MixValScorer,
    PredictionEntropyScorer,
    SoftNeighborhoodDensity,
    SourceTargetShuffleSplit,
    StratifiedDomainKFold,
    SupervisedScorer,
)

LABEL_FREE = [
    BNMScorer(),
    CircularValidation(),
    ClassAMIScorer(),
    DeepEmbeddedValidation(),
    DeepEmbeddedValidation(loss="zero_one"),
    ImportanceWeightedScorer(),
    InfoMaxScorer(),
    MixValScorer(),
    PredictionEntropyScorer(),
    SoftNeighborhoodDensity(),
]
OF_PROBABILITIES = (
    BNMScorer,
    DeepEmbeddedValidation,
    InfoMaxScorer,
    PredictionEntropyScorer,
    SoftNeighborhoodDensity,
)
OF_THE_SOURCE_TOO = (
    CircularValidation,
    DeepEmbeddedValidation,
    ImportanceWeightedScorer,
)
DRAWN_FROM_ROWS = (
    MixValScorer,
    ImportanceWeightedScorer,
    DeepEmbeddedValidation,
)


def named(scorers):
    return pytest.mark.parametrize("scorer", scorers, ids=repr)


label_free = named(LABEL_FREE)
every = named([*LABEL_FREE, SupervisedScorer()])


def routing():
    return sklearn.config_context(enable_metadata_routing=True)


@every
def test_score_is_a_float_and_the_same_each_time(scorer, model, rows):
    state = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    score = scorer(model, *rows)
    assert isinstance(score, float)
    assert np.isfinite(score)
    assert scorer(model, *rows) == score
    assert clone(scorer)(model, *rows) == score
    assert pickle.loads(pickle.dumps(scorer))(model, *rows) == score
    after = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    assert after == state


@every
@pytest.mark.parametrize(
    "classifier",
    [
        RandomForestClassifier(5, random_state=0),
        GaussianNB(),
        KNeighborsClassifier(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(LogisticRegression()),
        GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
def test_any_classifier(scorer, classifier, rows):
    X, y, sample_domain = rows
    source = sample_domain >= 0
    fitted = clone(classifier).fit(X[source], y[source])
    assert np.isfinite(scorer(fitted, *rows))


@every
@pytest.mark.parametrize(
    "cv", [StratifiedDomainKFold(3), SourceTargetShuffleSplit(2, test_size=0.4)]
)
def test_routed_without_a_request_by_the_user(scorer, cv, rows):
    X, y, sample_domain = rows
    with routing():
        result = cross_validate(
            SourceOnly(),
            X,
            y,
            params={"sample_domain": sample_domain},
            cv=cv,
            scoring=scorer,
            error_score="raise",
            return_estimator=True,
            return_indices=True,
        )
    for score, fitted, train, test in zip(
        result["test_score"],
        result["estimator"],
        *result["indices"].values(),
        strict=True,
    ):
        np.testing.assert_array_equal(fitted.fitted_domains_, sample_domain[train])
        assert score == scorer(fitted, X[test], y[test], sample_domain[test])


@every
def test_grid_search(scorer, rows):
    X, y, sample_domain = rows
    with routing():
        search = GridSearchCV(
            make_pipeline(StandardScaler(), SourceOnly()),
            {"sourceonly__C": [1e-4, 1.0]},
            cv=StratifiedDomainKFold(3),
            scoring=scorer,
            error_score="raise",
        ).fit(X, y, sample_domain=sample_domain)
        score = search.score(X, y, sample_domain=sample_domain)
    assert len(np.unique(search.cv_results_["mean_test_score"])) == 2
    assert score == scorer(search.best_estimator_, X, y, sample_domain)


def test_several_scorers_at_once(rows):
    X, y, sample_domain = rows
    scoring = {repr(scorer): scorer for scorer in [*LABEL_FREE, SupervisedScorer()]}
    with routing():
        result = cross_validate(
            SourceOnly(),
            X,
            y,
            params={"sample_domain": sample_domain},
            cv=StratifiedDomainKFold(3),
            scoring=scoring | {"accuracy": "accuracy"},
            error_score="raise",
        )
    for name in scoring:
        assert np.isfinite(result[f"test_{name}"]).all()


@every
def test_request_can_be_renamed(scorer, rows):
    X, y, sample_domain = rows
    with routing():
        renamed = clone(scorer).set_score_request(sample_domain="country")
        cv = StratifiedDomainKFold(3).set_split_request(sample_domain="country")
        result = cross_validate(
            LogisticRegression(),
            X,
            y,
            params={"country": sample_domain},
            cv=cv,
            scoring=renamed,
            error_score="raise",
        )
    assert np.isfinite(result["test_score"]).all()


@every
def test_without_routing_a_function_gives_the_domains(scorer, rows):
    X, y, sample_domain = rows
    frame = pd.DataFrame(X, columns=list("abcd"))
    result = cross_validate(
        SourceOnly(),
        frame,
        y,
        groups=sample_domain,
        params={"sample_domain": sample_domain},
        cv=StratifiedDomainKFold(3),
        scoring=clone(scorer).set_params(
            sample_domain=lambda X: sample_domain[X.index]
        ),
        error_score="raise",
        return_estimator=True,
        return_indices=True,
    )
    for score, fitted, test in zip(
        result["test_score"],
        result["estimator"],
        result["indices"]["test"],
        strict=True,
    ):
        expected = scorer(fitted, frame.iloc[test], y[test], sample_domain[test])
        assert score == expected


@every
def test_without_routing_or_function_the_error_says_what_to_write(scorer, rows):
    X, y, sample_domain = rows
    with pytest.raises(
        ValueError,
        match=rf"{type(scorer).__name__} got no sample_domain.*enable_metadata_routing"
        r".*score\(X, y, sample_domain=...\)"
        rf".*{type(scorer).__name__}\(sample_domain=function\)",
    ):
        cross_validate(
            LogisticRegression(),
            X,
            y,
            groups=sample_domain,
            cv=StratifiedDomainKFold(3),
            scoring=scorer,
            error_score="raise",
        )


@every
def test_sample_weight_is_not_taken(scorer, rows):
    X, y, sample_domain = rows
    scorer = clone(scorer).set_params(sample_domain=lambda X: np.arange(len(X)) % 2 - 1)
    search = GridSearchCV(
        LogisticRegression(),
        {"C": [1.0]},
        cv=StratifiedDomainKFold(3),
        scoring={"one": scorer},
        refit=False,
        error_score="raise",
    )
    with pytest.warns(UserWarning, match="does not support sample_weight"):
        search.fit(X, y, groups=sample_domain, sample_weight=np.ones(len(y)))


def garbage(y, sample_domain, kind):
    """y with the target's labels replaced."""
    target = sample_domain < 0
    if kind == "other classes":
        return np.where(target, 99 + np.arange(len(y)), y)
    if kind == "shuffled":
        return np.where(target, (y + 1) % 3, y)
    if kind == "nan":
        return np.where(target, np.nan, y)
    if kind == "pandas":
        return pd.Series(y).astype("Int64").mask(target)
    y = y.astype(object)
    y[target] = None if kind == "none" else "?"
    return y


@label_free
@pytest.mark.parametrize(
    "kind", ["other classes", "shuffled", "nan", "none", "pandas", "mixed"]
)
def test_target_labels_are_not_read(scorer, kind, model, rows):
    X, y, sample_domain = rows
    expected = scorer(model, X, y, sample_domain)
    assert scorer(model, X, garbage(y, sample_domain, kind), sample_domain) == expected


@label_free
def test_target_labels_are_not_read_in_a_search(scorer, rows):
    X, y, sample_domain = rows
    found = []
    for labels in (y, garbage(y, sample_domain, "none")):
        with routing():
            search = GridSearchCV(
                SourceOnly(),
                {"C": [1e-3, 1.0]},
                cv=SourceTargetShuffleSplit(2, test_size=0.4, random_state=0),
                scoring=scorer,
                error_score="raise",
            ).fit(X, labels, sample_domain=sample_domain)
        found.append(search.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*found)


def test_supervised_scorer_reads_target_labels(model, rows):
    X, y, sample_domain = rows
    shuffled = garbage(y, sample_domain, "shuffled")
    scorer = SupervisedScorer()
    assert scorer(model, X, shuffled, sample_domain) != scorer(model, *rows)


@every
@pytest.mark.parametrize(
    "labels", [["no", "maybe", "yes"], [-1, 1, 7], [0.0, 1.0, 2.0]]
)
@pytest.mark.parametrize("dtype", [None, object])
def test_labels_of_any_kind(scorer, labels, dtype, model, rows):
    X, y, sample_domain = rows
    renamed = np.array(sorted(labels), dtype=dtype)[y]
    source = sample_domain >= 0
    # Sorted, so that the columns of the probabilities stay where they are.
    fitted = LogisticRegression().fit(X[source], np.asarray(renamed[source].tolist()))
    score = scorer(fitted, X, renamed, sample_domain)
    assert score == pytest.approx(scorer(model, *rows))


@every
def test_two_labels_of_minus_one_and_one(scorer, rows):
    X, y, sample_domain = rows
    source = sample_domain >= 0
    scores = []
    for labels in ([0, 1], [-1, 1]):
        named = np.array(labels)[(y > 0).astype(int)]
        fitted = LogisticRegression().fit(X[source], named[source])
        scores.append(scorer(fitted, X, named, sample_domain))
    assert scores[0] == pytest.approx(scores[1])


@every
@pytest.mark.parametrize(
    "kind", [pd.DataFrame, np.ndarray.tolist, lambda X: X.astype(np.float32)]
)
def test_rows_of_any_kind(scorer, kind, model, rows):
    X, y, sample_domain = rows
    expected = scorer(model, *rows)
    if kind is pd.DataFrame:
        model = LogisticRegression().fit(
            pd.DataFrame(X[sample_domain >= 0]).rename(columns=str),
            y[sample_domain >= 0],
        )
        X = pd.DataFrame(X).rename(columns=str).set_index(np.arange(1000, 1150))
    else:
        X = kind(X)
    score = scorer(model, X, list(y), pd.Series(sample_domain))
    assert score == pytest.approx(expected, abs=1e-4)


@every
def test_rows_of_more_dimensions(scorer, model, rows):
    class Flat(LogisticRegression):
        def fit(self, X, y):
            return super().fit(X.reshape(len(X), -1), y)

        def predict(self, X):
            return super().predict(X.reshape(len(X), -1))

        def predict_proba(self, X):
            return super().predict_proba(X.reshape(len(X), -1))

    X, y, sample_domain = rows
    images = X.reshape(150, 2, 2, 1)
    flat = Flat().fit(images[sample_domain >= 0], y[sample_domain >= 0])
    score = scorer(flat, images, y, sample_domain)
    assert score == pytest.approx(scorer(model, *rows))


@named(
    [
        SupervisedScorer(),
        # The others draw pairs or folds from the rows in their order.
        *(s for s in LABEL_FREE if not isinstance(s, DRAWN_FROM_ROWS)),
    ]
)
def test_rows_may_come_in_any_order(scorer, model, rows):
    order = np.random.default_rng(1).permutation(150)
    score = scorer(model, *(values[order] for values in rows))
    assert score == pytest.approx(scorer(model, *rows))


@label_free
def test_no_rows_of_the_target(scorer, model, rows):
    X, y, _ = rows
    with pytest.raises(
        ValueError, match=r"needs at least . test samples? of the target"
    ):
        scorer(model, X, y, np.zeros(150, dtype=int))


@named([s for s in LABEL_FREE if isinstance(s, OF_THE_SOURCE_TOO)])
def test_no_rows_of_the_source(scorer, model, rows):
    X, y, _ = rows
    with pytest.raises(
        ValueError, match=r"needs at least . test samples? of the source"
    ):
        scorer(model, X, y, np.full(150, -1))


@named([s for s in LABEL_FREE if not isinstance(s, OF_THE_SOURCE_TOO)])
def test_target_alone_is_enough(scorer, model, rows):
    X, _, sample_domain = rows
    target = sample_domain < 0
    score = scorer(model, X[target], None, sample_domain[target])
    assert score == scorer(model, *rows)


@named([s for s in LABEL_FREE if isinstance(s, OF_THE_SOURCE_TOO)])
def test_source_labels_are_needed(scorer, model, rows):
    X, _, sample_domain = rows
    with pytest.raises(ValueError, match="needs y, the labels of source"):
        scorer(model, X, None, sample_domain)
    with pytest.raises(ValueError, match=r"label for each source sample, but 80"):
        scorer(model, X, np.full(150, np.nan), sample_domain)


@every
def test_two_target_rows(scorer, model, rows):
    X, y, sample_domain = rows
    few = np.concatenate(
        [np.flatnonzero(sample_domain >= 0), np.flatnonzero(sample_domain < 0)[:2]]
    )
    assert np.isfinite(scorer(model, X[few], y[few], sample_domain[few]))


@every
def test_one_class_predicted(scorer, rows):
    constant = DummyClassifier(strategy="prior").fit(rows[0], rows[1])
    assert np.isfinite(scorer(constant, *rows))


@named([InfoMaxScorer(), BNMScorer(), MixValScorer(), ClassAMIScorer()])
def test_collapse_is_not_rewarded(scorer, model, rows):
    class Collapsed(DummyClassifier):
        def predict_proba(self, X):
            return np.repeat([[1.0, 0.0, 0.0]], len(X), axis=0)

    collapsed = Collapsed(strategy="most_frequent").fit(rows[0], rows[1])
    assert scorer(collapsed, *rows) < scorer(model, *rows)


@named([scorer() for scorer in OF_PROBABILITIES])
def test_estimator_without_probabilities(scorer, rows):
    fitted = LinearSVC().fit(rows[0], rows[1])
    with pytest.raises(TypeError, match=r"needs an estimator with predict_proba; Lin"):
        scorer(fitted, *rows)


@every
def test_domains_are_checked(scorer, model, rows):
    X, y, sample_domain = rows
    with pytest.raises(ValueError, match=r"149 values.*150 samples"):
        scorer(model, X, y, sample_domain[1:])
    with pytest.raises(ValueError, match="must be integers"):
        scorer(model, X, y, np.where(sample_domain < 0, "t", "s"))


@every
def test_bad_parameters(scorer, model, rows):
    with pytest.raises(ValueError, match="'sample_domain'"):
        clone(scorer).set_params(sample_domain=rows[2])(model, *rows)


def test_importing_loads_no_tensorflow():
    code = (
        "import sys, sktransfer.model_selection, sktransfer.datasets; "
        "print({'tensorflow', 'keras'} & set(sys.modules)); "
        "import sklearn; print(sklearn.get_config()['enable_metadata_routing'])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert found.stdout.split() == ["set()", "False"]
