"""Data frames, lists and other containers as X of rankings, distances and reports."""

import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest

from sktransfer import TransferClassifier, rank_backbones, rank_sources
from sktransfer.transferability import (
    coral_distance,
    mmd,
    proxy_a_distance,
    transfer_report,
)

RNG = np.random.default_rng(0)
Y = np.arange(40) % 2
DATA = {"a": RNG.normal(size=40) + Y, "b": RNG.normal(size=40)}
FRAME = pd.DataFrame(DATA)
DATES = FRAME.assign(b=pd.date_range("2020", periods=40))
CATEGORIES = FRAME.assign(b=np.where(Y, "u", "v"))


def network(input_shape):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(4)])


def report(X, **options):
    return transfer_report(
        TransferClassifier(random_state=0),
        X,
        Y,
        train_sizes=[1.0],
        cv=2,
        baselines=["logistic"],
        random_state=0,
        **options,
    )


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("distance", [mmd, coral_distance, proxy_a_distance])
def test_columns_of_the_domains_in_another_order(distance, frame):
    source = frame(DATA)
    with pytest.raises(ValueError, match=r"X_source has the columns \['b', 'a'\]"):
        distance(source[["b", "a"]], source)
    # Arrays have no names.
    assert distance(source[["b", "a"]], source.to_numpy()) >= 0


def test_columns_of_a_source_in_another_order():
    sources = {"same": FRAME, "other": FRAME[["b", "a"]], "array": FRAME.to_numpy()}
    table = rank_sources(sources, FRAME)
    notes = dict(zip(table["source"], table["note"], strict=True))
    assert notes["same"] == notes["array"] == ""
    assert "X_target has ['a', 'b']; expected the same columns" in notes["other"]


def test_dates_of_sources_count_from_the_same_day():
    later = DATES.assign(b=DATES["b"] + pd.Timedelta(days=500))
    table = rank_sources({"later": later, "same": DATES}, DATES)
    assert table["source"] == ["same", "later"]
    distances = dict(zip(table["source"], table["mmd"], strict=True))
    assert distances["later"] > 0.1 > distances["same"]


def test_a_source_of_another_width():
    table = rank_sources({"one": FRAME[["a"]].to_numpy()}, DATES)
    assert "X has 1 columns; the backbone was trained on 2" in table["note"][0]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (CATEGORIES, "Column 'b' of X has categories, such as 'u', 'v'"),
        (DATA, "X is a dict"),
        (pl.DataFrame(DATA).lazy(), "X is a LazyFrame"),
        (FRAME["a"], "X is a Series"),
    ],
)
def test_what_rankings_do_not_accept(X, message):
    with pytest.raises((TypeError, ValueError), match=message):
        rank_backbones({"net": network}, X, Y)
    with pytest.raises((TypeError, ValueError), match=message):
        rank_sources({"source": FRAME}, X)
    if X is not CATEGORIES:
        with pytest.raises((TypeError, ValueError), match=message):
            report(X)


def test_missing_values_of_a_ranking_are_named():
    with pytest.raises(ValueError, match="contains NaN in column 'b'"):
        rank_backbones({"net": network}, FRAME.assign(b=np.nan), Y)


def test_dates_of_a_ranking_are_days():
    days = DATES.assign(b=np.arange(40.0))
    expected, got = (rank_backbones({"net": network}, X, Y) for X in (days, DATES))
    assert got["score"] == expected["score"]


def test_missing_values_in_lists_stay_missing():
    texts = np.where(RNG.random(40) + Y > 0.7, "u", "v").astype(object)
    texts[::5] = np.nan
    frame = FRAME.assign(b=texts)
    scores = [
        report(X, scoring="neg_log_loss").fits["score"]
        for X in (frame, frame.to_numpy().tolist())
    ]
    assert scores[0] == scores[1]
