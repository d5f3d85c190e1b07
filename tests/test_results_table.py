import sys

import numpy as np
import pytest

from sktransfer import ResultsTable

ROWS = [
    {"name": "a", "n": 3, "score": 0.123456, "note": ""},
    {"name": "<b>", "n": None, "score": np.nan, "note": "TypeError: no"},
]


@pytest.fixture
def table():
    return ResultsTable([dict(row) for row in ROWS])


def test_sequence_of_rows(table):
    assert len(table) == 2
    assert [row["name"] for row in table] == ["a", "<b>"]
    assert table[0] == table.rows[0] == ROWS[0]
    assert table[-1]["note"] == "TypeError: no"
    part = table[1:]
    assert isinstance(part, ResultsTable)
    assert [row["name"] for row in part] == ["<b>"]


def test_columns(table):
    assert table.columns == ["name", "n", "score", "note"]
    assert table["n"] == [3, None]
    with pytest.raises(KeyError, match="no column 'm'; the columns are"):
        table["m"]


def test_missing_values_are_empty_in_the_text(table):
    assert repr(table).splitlines() == [
        "name  n   score  note",
        "a     3  0.1235",
        "<b>              TypeError: no",
    ]


def test_html(table):
    html = table._repr_html_()
    assert html.count("<tr>") == 3
    assert "<td>&lt;b&gt;</td><td></td><td></td><td>TypeError: no</td>" in html


def test_to_pandas(table):
    frame = table.to_pandas()
    assert list(frame.columns) == table.columns
    assert str(frame["n"].dtype) == "Int64"
    assert frame["score"].dtype == float
    assert frame["n"].isna().tolist() == frame["score"].isna().tolist() == [False, True]


def test_without_pandas(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_pandas needs pandas"):
        table.to_pandas()
    assert len(repr(table).splitlines()) == 3


def test_empty():
    table = ResultsTable([])
    assert len(table) == 0
    assert table.columns == []
    assert repr(table) == ""
    assert len(table.to_pandas()) == 0
