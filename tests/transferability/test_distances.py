"""Distances of domains against plain loops, and the ranking of sources."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from sktransfer import ResultsTable, rank_sources
from sktransfer.transferability import (
    coral_distance,
    leep,
    mmd,
    prior_distance,
    proxy_a_distance,
)

DISTANCES = pytest.mark.parametrize("distance", [coral_distance, mmd, proxy_a_distance])


def domains(n_source=60, n_target=40, d=3, shift=1.0, stretch=1.5, seed=0):
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(n_source, d))
    return source, stretch * rng.normal(size=(n_target, d)) + shift


def test_mmd():
    source, target = domains()
    rows = np.concatenate([source, target])
    squared = np.array([[np.sum((a - b) ** 2) for b in rows] for a in rows])

    def kernel(a, b):
        return np.mean(
            [
                np.exp(-np.sum((a - b) ** 2) / (2.0**k * squared.mean()))
                for k in range(-3, 2)
            ]
        )

    def mean(A, B):
        return np.mean([kernel(a, b) for a in A for b in B])

    expected = mean(source, source) + mean(target, target) - 2 * mean(source, target)
    assert mmd(source, target) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [(60, 40, 3), (6, 5, 40), (30, 5, 20)])
def test_coral_distance(shape):
    source, target = domains(*shape)
    difference = np.cov(source.T) - np.cov(target.T)
    expected = np.sum(difference**2) / (4 * shape[2] ** 2)
    assert coral_distance(source, target) == pytest.approx(expected, rel=1e-9)


def test_proxy_a_distance():
    source, target = domains(2000, 500, shift=0.0, stretch=1.0)
    assert proxy_a_distance(source, target) < 0.2
    # Two unit Gaussians whose means lie 2 apart: the best error is 16 %.
    target[:, 0] += 2
    assert proxy_a_distance(source, target) == pytest.approx(2 - 4 * 0.1587, abs=0.15)
    assert proxy_a_distance(source, target + 20) == 2


def test_prior_distance():
    assert prior_distance(["a", "a", "b"], ["b", "c", "c"]) == pytest.approx(2 / 3)
    assert prior_distance([0, 1], [1, 0, 0, 1]) == 0
    assert prior_distance([0, 1], ["a", "b"]) == 1
    with pytest.raises(ValueError, match="y_target has missing labels"):
        prior_distance([0, 1], [0, None])
    with pytest.raises(ValueError, match="y_source is empty"):
        prior_distance([], [0])


@DISTANCES
def test_distance_is_symmetric_and_0_for_the_same_rows(distance):
    source, target = domains()
    value = distance(source, target)
    assert type(value) is float
    assert value > 0
    assert distance(target, source) == pytest.approx(value, rel=0.3)
    assert distance(source, source) == pytest.approx(0, abs=1e-9)
    assert distance(source, source + 0 * source) == distance(source, source)


@DISTANCES
def test_distance_grows(distance):
    values = [distance(*domains(stretch=s, shift=s - 1)) for s in (1, 2, 4)]
    assert values == sorted(values)


@DISTANCES
def test_many_rows_and_constant_columns(distance):
    source, target = domains(5000, 3000)
    source[:, 1] = target[:, 1] = 7
    assert np.isfinite(distance(source.astype(np.float32), target))
    assert distance(np.ones((5, 2)), np.ones((4, 2))) == 0


@DISTANCES
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"X_source": np.zeros((1, 3))},
            "X_source has 1 sample; expected at",
        ),
        ({"X_target": np.zeros((5, 2))}, "X_source has 3 features and X_target 2"),
        ({"X_target": np.full((5, 3), np.inf)}, "X_target has NaN or infinite"),
        ({"X_source": np.zeros(3)}, r"X_source has shape \(3,\)"),
    ],
)
def test_bad_domains(distance, changes, message):
    arguments = dict(zip(("X_source", "X_target"), domains(), strict=True)) | changes
    with pytest.raises(ValueError, match=message):
        distance(**arguments)


def test_losses_of_adaptation_are_these_distances():
    from types import SimpleNamespace

    from sktransfer.adaptation import DAN, DeepCORAL

    source, target = (X.astype("float64") for X in domains())
    batch = SimpleNamespace(source_features=source, target_features=target)
    for method, distance in [(DAN(), mmd), (DeepCORAL(), coral_distance)]:
        loss = float(method.loss(batch, 1.0, None))
        assert loss == pytest.approx(distance(source, target), rel=1e-3)


def labeled(shift, seed, n=150):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    return np.eye(3)[y] * 4 + rng.normal(size=(n, 3)) + shift, y


def test_rank_sources_without_labels():
    X, _ = labeled(0, seed=0)
    far, near = labeled(5, seed=1)[0], labeled(0.2, seed=2)[0]
    table = rank_sources({"far": far, "near": near}, X)
    assert isinstance(table, ResultsTable)
    assert table["source"] == ["near", "far"]
    for name in ("a_distance", "mmd"):
        assert table[name] == sorted(table[name])
    assert np.isnan([table["leep"], table["prior_distance"]]).all()
    assert table["n_samples"] == [150, 150]
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    expected = mmd((near - mean) / deviation, (X - mean) / deviation)
    assert table["mmd"][0] == pytest.approx(expected)


def test_rank_sources_with_labels():
    X, y = labeled(0, seed=0)
    near, y_near = labeled(0.2, seed=2)
    names = np.array(list("abc"))
    sources = {
        "shuffled": (near, np.random.default_rng(0).permutation(y_near)),
        "other labels": (near, names[y_near]),
        "unlabeled": near,
    }
    table = rank_sources(sources, X, y)
    assert list(table["source"]) == ["other labels", "shuffled", "unlabeled"]
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    model = LogisticRegression(max_iter=500).fit((near - mean) / deviation, y_near)
    proba = model.predict_proba((X - mean) / deviation)
    assert table["leep"][0] == pytest.approx(leep(proba, y))
    assert table["prior_distance"][0] == 1
    assert table["prior_distance"][1] < 0.2


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, -1])
def test_rank_sources_with_some_labels(missing):
    X, y = labeled(0, seed=0)
    near, y_near = labeled(0.2, seed=2)
    sources = {"near": (near, y_near), "other labels": (near, list("abc") * 50)}
    masked = y.astype(object)
    masked[40:] = missing
    (row, other) = rank_sources(sources, X, masked)
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    model = LogisticRegression(max_iter=500).fit((near - mean) / deviation, y_near)
    proba = model.predict_proba((X[:40] - mean) / deviation)
    assert row["source"] == "near"
    assert row["leep"] == pytest.approx(leep(proba, y[:40]))
    assert row["prior_distance"] == prior_distance(y_near, y[:40])
    assert row["mmd"] == other["mmd"] == rank_sources([near], X)["mmd"][0]


def test_minus_one_is_a_class_of_a_source():
    X, y = labeled(0, seed=0)
    y = y - 1
    table = rank_sources([labeled(0.2, seed=2), (X, y)], X, y)
    assert table["prior_distance"][0] == 0


def test_bad_sources_are_told_in_their_rows():
    X, y = labeled(0, seed=0)
    sources = [X[:, :2], np.full((5, 3), np.nan), (X, y[:-1]), X.reshape(-1, 3, 1)]
    table = rank_sources(sources, X, y).to_pandas().set_index("source")
    assert "2 features" in table.loc["source 0", "note"]
    assert "contains NaN" in table.loc["source 1", "note"]
    assert "y has 149 labels for 150 samples" in table.loc["source 2", "note"]
    assert table.loc["source 3", "note"] == ""
    assert table.loc["source 3", "a_distance"] < 0.3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": []}, "sources is empty"),
        ({"sources": np.zeros((3, 3))}, "sources is of type ndarray"),
        ({"X_target": np.full((5, 3), np.nan)}, "Input X_target contains NaN"),
        ({"y_target": [1] * 150}, "y_target has one class, 1"),
        ({"y_target": [None] * 150}, "y_target has no labels"),
    ],
)
def test_bad_input(changes, message):
    arguments = {"sources": [labeled(0, 1)[0]], "X_target": labeled(0, 0)[0]}
    with pytest.raises(ValueError, match=message):
        rank_sources(**(arguments | changes))
