"""The one rule for samples without a label, in every dtype."""

import numpy as np
import pandas as pd
import pytest

from sktransfer._inputs.unlabeled import is_missing_label, is_unlabeled

MISSING = [False, True, False]


@pytest.mark.parametrize(
    "y",
    [
        np.array([0.0, np.nan, 1.0]),
        np.array([0.0, np.nan, 1.0], dtype=np.float32),
        np.array([0, None, 1], dtype=object),
        np.array(["a", np.nan, "b"], dtype=object),
        np.array(["a", pd.NA, "b"], dtype=object),
        np.array(["2020", "NaT", "2021"], dtype="datetime64[D]"),
        pd.Series([0, pd.NA, 1], dtype="Int64"),
        pd.Series(["a", None, "b"], dtype="string"),
        pd.Series(["a", None, "b"], dtype="category"),
        pd.Series([0.0, None, 1.0]),
        pd.Series([True, pd.NA, False], dtype="boolean"),
        ["a", None, "b"],
        [0, float("nan"), 1],
    ],
    ids=lambda y: f"{type(y).__name__} {getattr(y, 'dtype', '')}",
)
def test_missing_labels(y):
    assert is_missing_label(y).tolist() == MISSING
    assert is_unlabeled(y, source_classes=y).tolist() == MISSING


@pytest.mark.parametrize(
    "y", [np.arange(3), np.array(["a", "nan", "None"]), np.array([True, False, True])]
)
def test_no_label_is_missing(y):
    assert not is_missing_label(y).any()


@pytest.mark.parametrize(
    ("y", "source_classes", "expected"),
    [
        ([0, -1, None], [0, 1], [False, True, True]),
        (np.array([0, -1, 1]), np.array([0, 1]), [False, True, False]),
        (np.array([0.0, -1.0, np.nan]), np.array([0.0, 1.0]), [False, True, True]),
        (pd.Series([0, -1, pd.NA], dtype="Int64"), [0, 1], [False, True, True]),
        (np.array([0, -1, pd.NA], dtype=object), [0, 1], [False, True, True]),
        ([True, -1, False], [True, False], [False, True, False]),
        # A class of the source.
        (np.array([0, -1, 1]), np.array([-1, 1]), [False, False, False]),
        (np.array([-1.0, np.nan]), np.array([-1.0, 1.0]), [False, True]),
        # Strings are classes, and -1 is nothing among them.
        (np.array(["a", "-1", "b"]), np.array(["a", "b"]), [False, False, False]),
        (["a", "-1", None], ["a", "b"], [False, False, True]),
        (["a", -1, None], ["a", "b"], [False, False, True]),
        (["0", "-1", -1], [0, 1], [False, False, True]),
        # Missing labels of the source change nothing.
        ([0, -1, 1], [0, 1, None, np.nan], [False, True, False]),
    ],
)
def test_minus_one(y, source_classes, expected):
    assert is_unlabeled(y, source_classes).tolist() == expected
