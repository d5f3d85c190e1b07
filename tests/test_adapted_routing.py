"""sample_domain and X_target through pipelines and searches, with routing and not."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import sklearn
from domains import bits, make_adapted
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer.adaptation import MCC
from sktransfer.datasets import make_shifted_classification
from sktransfer.model_selection import InfoMaxScorer, StratifiedDomainKFold

GRID = {"domainadaptedclassifier__method": ["source_only", MCC(), MCC(0.1)]}


@pytest.fixture(scope="module")
def rows():
    """X, y, sample_domain, in mixed order and of a scale that needs a scaler."""
    X, y, sample_domain = make_shifted_classification(72, kind="moons", random_state=0)
    order = np.random.default_rng(0).permutation(144)
    return 100 * X[order] + 500, y[order], sample_domain[order]


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def no_user_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def pipeline(**kwargs):
    return make_pipeline(StandardScaler(), make_adapted("mcc", epochs=2), **kwargs)


def test_a_search_with_routed_domains(rows, routing):
    """sample_domain reaches fit, the splitter and the scorer."""
    X, y, sample_domain = rows
    found = []
    for n_jobs in (1, 2):
        grid = GridSearchCV(
            pipeline(),
            GRID,
            scoring=InfoMaxScorer(),
            cv=StratifiedDomainKFold(3),
            n_jobs=n_jobs,
            error_score="raise",
        )
        # Labels of the target are not there.
        labels = np.where(sample_domain < 0, np.nan, y)
        grid.fit(X, labels, sample_domain=sample_domain)
        scores = [grid.cv_results_[f"split{i}_test_score"] for i in range(3)]
        found.append((np.array(scores), bits(grid.best_estimator_[-1])))
        assert grid.best_estimator_[-1].target_prior_ is not None
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
    assert np.isfinite(found[0][0]).all()
    # It is a score of the target's rows in each test fold.
    folds = StratifiedDomainKFold(3).split(X, labels, sample_domain=sample_domain)
    train, test = next(iter(folds))
    fitted = pipeline().set_params(domainadaptedclassifier__method="source_only")
    fitted.fit(X[train], labels[train], sample_domain=sample_domain[train])
    by_hand = InfoMaxScorer()(fitted, X[test], labels[test], sample_domain[test])
    assert found[0][0][0][0] == by_hand


def test_domains_without_routing(rows):
    X, y, sample_domain = rows
    step = {"domainadaptedclassifier__sample_domain": sample_domain}
    fitted = pipeline().fit(X, y, **step)
    scaled = fitted[0].transform(X)
    by_hand = make_adapted("mcc", epochs=2)
    by_hand.fit(scaled, y, sample_domain=sample_domain)
    assert bits(fitted[-1]) == bits(by_hand)
    grid = GridSearchCV(
        pipeline(),
        GRID,
        cv=StratifiedDomainKFold(2),
        scoring="neg_log_loss",
        error_score="raise",
    )
    grid.fit(X, y, groups=sample_domain, **step)
    # All folds had rows of the target: their models differ.
    assert len(set(grid.cv_results_["mean_test_score"])) > 1
    assert grid.best_estimator_[-1].target_prior_ is not None


@pytest.fixture
def apart(rows):
    """X and y of the source, and 50 rows of the target."""
    X, y, sample_domain = rows
    return X[sample_domain >= 0], y[sample_domain >= 0], X[sample_domain < 0][:50]


def test_rows_beside_x_are_transformed_as_x(apart, routing, no_user_warnings):
    X, y, X_target = apart
    scaler = StandardScaler().fit(X)
    by_hand = make_adapted("mcc", epochs=2).fit(
        scaler.transform(X), y, X_target=scaler.transform(X_target)
    )
    for given in (X_target, (X_target,)):
        fitted = pipeline(transform_input=["X_target"]).fit(X, y, X_target=given)
        assert bits(fitted[-1]) == bits(by_hand)


def test_a_tuple_is_not_cut_by_a_search(apart, routing, monkeypatch, no_user_warnings):
    X, y, _ = apart
    X_target = X[::-1] + 20
    seen = []
    adapted = make_adapted("mcc", epochs=1)
    fit = type(adapted).fit

    def spy(self, X, y, *, X_target, **kwargs):
        seen.append(X_target)
        return fit(self, X, y, X_target=X_target, **kwargs)

    monkeypatch.setattr(type(adapted), "fit", spy)
    pipe = make_pipeline(StandardScaler(), adapted, transform_input=["X_target"])
    grid = GridSearchCV(pipe, GRID, cv=3, error_score="raise")
    grid.fit(X, y, X_target=(X_target,))
    assert [len(given[0]) for given in seen] == [72] * 10
    assert all(isinstance(given, tuple) for given in seen)
    # The last is the refit, on rows scaled by all of X.
    scaled = StandardScaler().fit(X).transform(X_target)
    np.testing.assert_allclose(seen[-1][0], scaled)


def test_an_array_of_as_many_rows_is_cut_and_that_is_told(apart, routing):
    X, y, _ = apart
    pipe = pipeline(transform_input=["X_target"])
    with pytest.warns(UserWarning, match=r"48 samples, as many as X.*\(X_target,\)"):
        cross_validate(
            pipe, X, y, params={"X_target": X + 20}, cv=3, error_score="raise"
        )


def test_an_array_of_other_length_is_left_whole(apart, routing, no_user_warnings):
    X, y, X_target = apart
    result = cross_validate(
        pipeline(transform_input=["X_target"]),
        X,
        y,
        params={"X_target": X_target},
        cv=3,
        return_estimator=True,
        error_score="raise",
    )
    assert all(pipe[-1].target_prior_ is not None for pipe in result["estimator"])


def test_rows_beside_x_that_a_pipeline_leaves_as_they_are(apart, routing):
    X, y, X_target = apart
    with pytest.warns(UserWarning, match=r"another scale than X.*transform_input"):
        pipeline().fit(X, y, X_target=X_target)


def test_rows_beside_x_without_routing(apart):
    """They cannot be transformed by the pipeline, which is told too."""
    X, y, X_target = apart
    with pytest.warns(UserWarning, match=r"another scale than X.*transform_input"):
        pipeline().fit(X, y, domainadaptedclassifier__X_target=X_target)


def test_sample_weight_is_routed_on_request(rows, routing):
    X, y, sample_domain = rows
    weight = np.arange(144) % 3 + 1.0
    adapted = make_adapted("mcc", epochs=2).set_fit_request(sample_weight=True)
    pipe = Pipeline([("scale", StandardScaler()), ("adapt", adapted)])
    pipe.set_params(scale=StandardScaler().set_fit_request(sample_weight=False))
    pipe.fit(X, y, sample_domain=sample_domain, sample_weight=weight)
    by_hand = make_adapted("mcc", epochs=2).fit(
        pipe[0].transform(X), y, sample_domain=sample_domain, sample_weight=weight
    )
    assert bits(pipe[-1]) == bits(by_hand)


def test_importing_leaves_the_configuration_of_sklearn_alone():
    code = (
        "import sklearn\n"
        "before = sklearn.get_config()\n"
        "import sktransfer, sktransfer.adaptation, sktransfer.model_selection\n"
        "sktransfer.DomainAdaptedClassifier()\n"
        "assert sklearn.get_config() == before\n"
        "assert not before['enable_metadata_routing']\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
