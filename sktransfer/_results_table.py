"""ResultsTable: the kind of table that rankings and reports return."""

import math
import numbers
from html import escape

import numpy as np

from sktransfer._extras import import_extra


class ResultsTable:
    """Table of results: a sequence of rows, with or without pandas.

    ``table[0]`` is a row, a dict; ``table["score"]`` is a column, a list;
    ``table[:3]`` is a table of three rows. Iteration gives the rows.

    Parameters
    ----------
    rows : list of dict
        The rows, all with the same keys: the names of the columns. None and NaN
        stand for a missing value.

    Attributes
    ----------
    rows : list of dict
        The rows.
    columns : list of str
        Names of the columns.

    Examples
    --------
    >>> from sktransfer import ResultsTable
    >>> table = ResultsTable(
    ...     [{"model": "a", "score": 0.91}, {"model": "b", "score": None}]
    ... )
    >>> table
    model  score
    a       0.91
    b
    >>> table["model"]
    ['a', 'b']
    >>> [row["model"] for row in table if row["score"]]
    ['a']
    """

    def __init__(self, rows):
        self.rows = rows

    @property
    def columns(self):
        """Names of the columns."""
        return list(self.rows[0]) if self.rows else []

    def to_pandas(self):
        """Convert the table to a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns of integers with missing values have the dtype Int64.

        Raises
        ------
        ImportError
            When pandas is not installed.
        """
        pd = import_extra("pandas", "to_pandas", "pandas")
        frame = pd.DataFrame(self.rows)
        integers = [
            name
            for name in self.columns
            if any(value is not None for value in self[name])
            and all(value is None or type(value) is int for value in self[name])
        ]
        # None would turn integers into floats.
        return frame.astype(dict.fromkeys(integers, "Int64"))

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def __getitem__(self, key):
        if isinstance(key, str):
            if key not in self.columns:
                raise KeyError(f"no column {key!r}; the columns are {self.columns}")
            return [row[key] for row in self.rows]
        if isinstance(key, slice):
            return type(self)(self.rows[key])
        return self.rows[key]

    def __repr__(self):
        columns = []
        for name in self.columns:
            cells = [name, *map(_cell, self[name])]
            width = max(map(len, cells))
            align = str.rjust if _is_numeric(self[name]) else str.ljust
            columns.append([align(cell, width) for cell in cells])
        lines = zip(*columns, strict=True)
        return "\n".join("  ".join(line).rstrip() for line in lines)

    def _repr_html_(self):
        head = _html_row("th", self.columns)
        body = "".join(_html_row("td", map(_cell, row.values())) for row in self)
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(tag, cells):
    cells = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
    return f"<tr>{cells}</tr>"


def _cell(value):
    """Write a value as text; a missing value is empty."""
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else f"{value:.4g}"
    return "" if value is None else " ".join(str(value).split())


def _is_numeric(values):
    return all(value is None or isinstance(value, numbers.Real) for value in values)
