"""Warnings point to the line by which the user came to the package."""

import inspect
import warnings

import numpy as np
import pytest
from domains import make_adapted
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer._warnings import warn_user
from sktransfer.datasets import make_shifted_classification

rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 3)), np.arange(40) % 2
SAMPLE_DOMAIN = np.repeat([0, -1], 20)


def assert_warns_at(line, message, call):
    """Check that `call` warns once, at a line of this file, counted from its first."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        call()
    places = {(w.filename, w.lineno) for w in caught if message in str(w.message)}
    assert places == {(__file__, inspect.getsourcelines(call)[1] + line)}


@pytest.mark.parametrize(
    ("message", "parameters", "fitted"),
    [
        ("no samples of a target", {}, {}),
        ("as many as X", {}, {"X_target": X}),
        ("X_target has another scale", {}, {"X_target": 100 * X[:9]}),
        (
            "in the target only",
            {"target_labels": "use"},
            {"y": np.where(SAMPLE_DOMAIN < 0, 2, y), "sample_domain": SAMPLE_DOMAIN},
        ),
        ("no batch has samples", {}, {"y": np.arange(40) % 5, "X_target": X[:9]}),
        ("looks wrong", {"learning_rate": 1.0}, {"X_target": X[:9]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_of_fit(message, parameters, fitted):
    estimator = make_adapted("mcc", batch_size=4, epochs=1, **parameters)

    def fit():
        estimator.fit(**{"X": X, "y": y} | fitted)

    assert_warns_at(1, message, fit)


@pytest.mark.parametrize(
    ("method", "kind", "message"),
    [
        ("label_shift", "moons", "explains too little"),
        ("domain_standardize", "label", "another class prior"),
    ],
)
def test_of_a_method(method, kind, message):
    rows = make_shifted_classification(kind=kind, random_state=0)
    estimator = make_adapted(method, backbone="mlp", epochs=10)

    def fit():
        estimator.fit(*rows[:2], sample_domain=rows[2])

    assert_warns_at(1, message, fit)


def test_of_the_feature_store(tmp_path):
    (tmp_path / "file").touch()
    memory = str(tmp_path / "file" / "folder")
    estimator = make_adapted("source_only", frozen_depth=1, memory=memory, epochs=1)

    def fit():
        estimator.fit(X, y)

    assert_warns_at(1, "cannot be written", fit)


def test_through_scikit_learn():
    pipe = make_pipeline(StandardScaler(), make_adapted(epochs=1))

    def search():
        cross_val_score(pipe, X, y, cv=2)

    assert_warns_at(1, "no samples of a target", search)


def test_in_a_worker():
    """There is no line of the user's; it is told all the same."""
    calls = [delayed(warn_user)("told", ConvergenceWarning)] * 2
    with pytest.warns(ConvergenceWarning, match="told"):
        Parallel(2, "threading")(calls)
