"""Columns of data frames as numbers."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sktransfer._inputs.columns import TableColumns

VALUES = {
    "number": [1.5, None, 3.0],
    "text": ["b", "a", None],
    "size": ["low", "high", "low"],
    "flag": [True, False, True],
}
EXPECTED = [[1.5, 1, 0, 1], [np.nan, 0, 1, 0], [3, np.nan, 0, 1]]


def pandas_frame(values=VALUES, **dtypes):
    size = pd.CategoricalDtype(["low", "high"])
    return pd.DataFrame(values).astype({"size": size} | dtypes)


def polars_frame(values=VALUES):
    return pl.DataFrame(values).with_columns(
        pl.col("size").cast(pl.Enum(["low", "high"]))
    )


@pytest.mark.parametrize("frame", [pandas_frame(), polars_frame()])
def test_categories_are_their_positions(frame):
    columns = TableColumns(frame)
    assert not columns.are_numbers
    np.testing.assert_array_equal(columns.transform(frame), EXPECTED)


@pytest.mark.parametrize("make", [pandas_frame, polars_frame])
def test_other_rows_have_the_same_positions(make):
    columns = TableColumns(make())
    other = make(VALUES | {"text": ["a", "new", "a"], "size": ["high"] * 3})
    np.testing.assert_array_equal(
        columns.transform(other)[:, 1:3], [[0, 1], [np.nan, 1], [0, 1]]
    )


@pytest.mark.parametrize(
    "dtypes",
    [
        {"number": "Float64", "flag": "boolean", "text": "string"},
        {"number": object, "text": "category"},
    ],
)
def test_pandas_types(dtypes):
    frame = pandas_frame(**dtypes)
    np.testing.assert_array_equal(TableColumns(frame).transform(frame), EXPECTED)


@pytest.mark.parametrize("frame", [pandas_frame(), polars_frame()])
def test_columns_without_an_order(frame):
    # Polars' Enum declares one, a category of pandas only if it says so.
    of_pandas = isinstance(frame, pd.DataFrame)
    assert TableColumns(frame).nominal == ([1, 2] if of_pandas else [1])
    ordered = pd.CategoricalDtype(["low", "high"], ordered=True)
    assert TableColumns(pandas_frame(size=ordered)).nominal == [1]


def test_an_array_with_the_same_columns():
    columns = TableColumns(pandas_frame())
    rows = pandas_frame().to_numpy(dtype=object)
    np.testing.assert_array_equal(columns.transform(rows), EXPECTED)


@pytest.mark.parametrize(
    "X",
    [
        np.ones((3, 2)),
        [[1, 2], [3, 4]],
        pd.DataFrame({"a": [1.0, None]}),
        pl.DataFrame({"a": [1.0, None]}),
    ],
)
def test_numbers_need_nothing(X):
    assert TableColumns(X).are_numbers
