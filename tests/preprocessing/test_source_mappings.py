"""CORAL and OTMapping: what they map, in pipelines and searches, and bad input."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from sktransfer.datasets import make_shifted_classification
from sktransfer.model_selection import InfoMaxScorer
from sktransfer.preprocessing import CORAL, OTMapping

MAPPINGS = [CORAL(), OTMapping()]
ALL = pytest.mark.parametrize("mapping", MAPPINGS, ids=["coral", "ot"])


@pytest.fixture
def domains():
    """Rows of both domains; in the target the classes are moved."""
    X, y, sample_domain = make_shifted_classification(
        n_samples=200, kind="concept", random_state=0
    )
    source, target = sample_domain >= 0, np.flatnonzero(sample_domain < 0)[:150]
    return X[source], y[source], X[target], y[target]


@ALL
def test_a_classifier_of_the_mapped_source_is_better_on_the_target(mapping, domains):
    X, y, X_target, y_target = domains
    plain = KNeighborsClassifier().fit(X, y).score(X_target, y_target)
    mapped = mapping.fit_transform(X, y, X_target=X_target)
    adapted = KNeighborsClassifier().fit(mapped, y).score(X_target, y_target)
    assert plain < 0.7
    assert adapted > plain + 0.25


def test_coral_gives_the_source_the_moments_of_the_target(domains):
    X, y, X_target, _ = domains
    mapped = CORAL(shrinkage=0.0).fit_transform(X, y, X_target=X_target)
    assert_allclose(mapped.mean(axis=0), X_target.mean(axis=0))
    assert_allclose(
        np.cov(mapped.T), np.cov(X_target.T) * 149 / 150 * 200 / 199, rtol=1e-6
    )


def test_transported_samples_lie_within_the_target(domains):
    X, _, X_target, _ = domains
    mapped = OTMapping(class_regularization=0).fit_transform(X, X_target=(X_target,))
    assert (mapped >= X_target.min(axis=0)).all()
    assert (mapped <= X_target.max(axis=0)).all()
    # Uniform weights on both sides: the mean is that of the target.
    assert_allclose(mapped.mean(axis=0), X_target.mean(axis=0), rtol=1e-3)


@ALL
def test_units_of_columns_do_not_matter(mapping, domains):
    X, y, X_target, _ = domains
    factor, offset = np.array([1e12, 1e-12]), np.array([1e12, -1e-12])
    plain = mapping.fit_transform(X, y, X_target=X_target)
    scaled = mapping.fit_transform(
        X * factor + offset, y, X_target=X_target * factor + offset
    )
    assert_allclose((scaled - offset) / factor, plain, rtol=1e-5, atol=1e-5)


@ALL
def test_target_samples_stay_as_they_are_and_inputs_too(mapping, domains):
    X, y, X_target, _ = domains
    before = X.copy(), y.copy(), X_target.copy()
    fitted = sklearn.clone(mapping).fit(X, y, X_target=X_target)
    assert_array_equal(fitted.transform(X_target), X_target)
    for array, old in zip((X, y, X_target), before, strict=True):
        assert_array_equal(array, old)


@ALL
def test_in_a_search_with_a_label_free_scorer(mapping):
    X, y, sample_domain = make_shifted_classification(
        n_samples=90, kind="moons", random_state=0
    )
    source = sample_domain >= 0
    name = type(mapping).__name__.lower()
    pipe = make_pipeline(mapping, LogisticRegression())
    scorer = InfoMaxScorer(sample_domain=lambda X: sample_domain[: len(X)] * 0 - 1)
    search = GridSearchCV(
        pipe, {"logisticregression__C": [0.1, 1.0]}, scoring=scorer, cv=3
    )
    search.fit(X[source], y[source], **{f"{name}__X_target": (X[~source],)})
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    with sklearn.config_context(enable_metadata_routing=True):
        routed = sklearn.clone(search).fit(X[source], y[source], X_target=(X[~source],))
    assert_allclose(
        routed.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )


@ALL
@pytest.mark.filterwarnings("ignore:.* got no samples of a target")
def test_estimator_checks(mapping):
    check_estimator(mapping)


@ALL
def test_bad_input(mapping, domains):
    X, y, X_target, _ = domains
    with pytest.warns(UserWarning, match="Pass X_target"):
        assert_array_equal(mapping.fit_transform(X, y), X)
    with pytest.raises(ValueError, match="2 features"):
        mapping.fit(X, y, X_target=X_target[:, :1])
    with pytest.raises(ValueError, match="X_target: Input X contains NaN"):
        mapping.fit(X, y, X_target=np.full((5, 2), np.nan))
    with pytest.raises(ValueError, match="tuple of 2"):
        mapping.fit(X, y, X_target=(X_target, X_target))
    with pytest.raises(ValueError, match="at least 2"):
        mapping.fit(X, y, X_target=X_target[:1])
    with pytest.warns(UserWarning, match=r"as many as X.*\(X_target,\)"):
        mapping.fit(X[:150], y[:150], X_target=X_target)


def test_bad_parameters(domains):
    X, y, X_target, _ = domains
    with pytest.raises(ValueError, match="shrinkage"):
        CORAL(shrinkage=2.0).fit(X, y, X_target=X_target)
    with pytest.raises(ValueError, match="regularization"):
        OTMapping(regularization=0).fit(X, y, X_target=X_target)
    with pytest.raises(ValueError, match="needs y"):
        OTMapping().fit(X, X_target=X_target)
    with pytest.raises(TypeError, match="Did you mean 'X_target'"):
        CORAL().fit(X, y, X_targt=X_target)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([None, "b"] * 10, dtype=object), "y has missing labels"),
        (np.where(np.arange(20) % 2, np.nan, 1.0), "y has missing labels"),
        (np.linspace(0, 1, 20), "Unknown label type: continuous"),
        (np.arange(19), "inconsistent numbers"),
    ],
)
def test_bad_labels(y, message):
    X = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match=message):
        OTMapping().fit(X, y, X_target=X[:10])


@pytest.mark.parametrize("shrinkage", ["auto", 0.1])
def test_one_column(shrinkage):
    X = np.random.default_rng(0).normal(size=(40, 1))
    mapped = CORAL(shrinkage=shrinkage).fit_transform(X, X_target=3 * X[:20] + 5)
    assert_allclose(mapped.mean(), (3 * X[:20] + 5).mean())
    assert mapped.std() > 2


def test_equal_samples_have_no_plan():
    with pytest.raises(ValueError, match="not all equal"):
        OTMapping().fit(np.ones((9, 2)), [0] * 5 + [1] * 4, X_target=np.ones((7, 2)))


def test_constant_columns(domains):
    X, y, X_target, _ = domains
    ones, twos = np.ones((len(X), 1)), np.full((len(X_target), 1), 2.0)
    for mapping in MAPPINGS:
        mapped = mapping.fit_transform(
            np.hstack([X, ones]), y, X_target=np.hstack([X_target, twos])
        )
        assert_allclose(mapped[:, 2], 2.0, atol=1e-6)
