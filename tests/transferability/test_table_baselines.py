"""Baselines on data frames, and with few samples for each class."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sktransfer import TransferClassifier, rank_sources, transfer_report
from sktransfer.transferability._table_baselines import FewLabels, TableEncoder


@pytest.fixture
def columns():
    """Columns of numbers, strings and categories; the color tells the class."""
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    columns = {
        "size": rng.normal(size=80) + y,
        "color": np.where(y == 1, "red", "blue").astype(object),
        "shape": rng.choice(["round", "square"], 80).astype(object),
    }
    columns["size"][7] = np.nan
    columns["shape"][[3, 50]] = None
    return columns, y


def as_pandas(columns):
    frame = pd.DataFrame(columns)
    return frame.astype({"shape": "category"})


FRAMES = pytest.mark.parametrize("make_frame", [as_pandas, pl.DataFrame])


@FRAMES
def test_default_baselines_of_a_frame(make_frame, columns):
    columns, y = columns
    for estimator in (
        TransferClassifier("tabular"),
        make_pipeline("passthrough", TransferClassifier("tabular")),
    ):
        report = transfer_report(
            estimator, make_frame(columns), y, cv=2, train_sizes=[10], random_state=0
        )
        assert report.is_complete
        assert set(report.fits["note"]) == {""}
        assert report.baselines == [
            "scratch",
            "linear_probe",
            "logistic",
            "hist_gradient_boosting",
        ]
        # The color alone tells the class.
        assert report.values("logistic").min() > 0.9


def test_scratch_of_a_search(columns):
    columns, y = columns
    network = TransferClassifier("tabular")
    step = "transferclassifier__"
    for estimator, name in [
        (network, "random_state"),
        (make_pipeline("passthrough", network), f"{step}random_state"),
    ]:
        report = transfer_report(
            GridSearchCV(estimator, {name: [0, 1]}, cv=2),
            as_pandas(columns),
            y,
            cv=2,
            train_sizes=[20],
            baselines=["scratch"],
            random_state=0,
        )
        assert set(report.fits["note"]) == {""}


@FRAMES
def test_encoder(make_frame, columns):
    columns, _ = columns
    frame = make_frame(columns)
    numbers = TableEncoder().fit(frame[:40]).transform(frame[40:])
    np.testing.assert_array_equal(numbers[:, 0], columns["size"][40:])
    np.testing.assert_array_equal(numbers[:, 1], columns["color"][40:] == "red")
    assert np.isnan(numbers[10, 2])
    encoded = TableEncoder(one_hot=True).fit(frame).transform(frame)
    is_red = columns["color"] == "red"
    np.testing.assert_array_equal(encoded[:, :2], np.column_stack([~is_red, is_red]))
    assert encoded[7, -1] == np.nanmedian(columns["size"])


def test_new_category_is_zero(columns):
    columns, _ = columns
    frame = pd.DataFrame({"color": columns["color"], "size": columns["size"]})
    encoder = TableEncoder(one_hot=True).fit(frame)
    new = pd.DataFrame({"color": ["green", "red"], "size": [1.5, 2.5]})
    assert encoder.transform(new).tolist() == [[0, 0, 1.5], [0, 1, 2.5]]


def test_arrays_of_numbers_keep_their_dtype():
    X = np.arange(6, dtype=np.float32).reshape(3, 2)
    for one_hot in (False, True):
        encoded = TableEncoder(one_hot=one_hot).fit_transform(X)
        assert encoded.dtype == np.float32
        np.testing.assert_array_equal(encoded, X)


def test_few_labels_give_the_same_trees():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(20), [2] * 15 + [1] * 5)
    X = rng.normal(size=(35, 3)) + y[:, None]
    trees = HistGradientBoostingClassifier(min_samples_leaf=2, max_iter=5)
    model = FewLabels(trees, counts=("min_samples_leaf",))
    with pytest.warns(UserWarning, match="number of unique classes"):
        expected = clone(trees).fit(X, y).predict_proba(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        proba = clone(model).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(proba, expected, atol=1e-8)


def test_rankings_do_not_warn_of_many_classes(source, digits):
    X, y = digits[0][:60], np.repeat(np.arange(30), 2)
    subset = np.r_[0:60:2, 1]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "The number of unique classes")
        rank_sources([(X[subset], y[subset])], X, y)
        report = transfer_report(
            TransferClassifier(source, epochs=1), X, y, train_sizes=[1.0], cv=2
        )
    assert set(report.fits["note"]) == {""}
