"""Columns of data frames as numbers: categories become their positions."""

import numbers

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.utils._missing import is_pandas_na


class TableColumns:
    """Turns the columns of data frames into numbers, as those of one frame were.

    Categories and strings become their positions: in the order that the column declares
    for its categories, otherwise in alphabetical order. What is missing, or was not
    there before, becomes NaN.

    Parameters
    ----------
    X : pandas.DataFrame, polars.DataFrame or anything else
        What is learned from; nothing is, unless it is a frame.

    Attributes
    ----------
    nominal : list of int
        Columns of categories for which no order is declared.
    """

    def __init__(self, X):
        self._positions, self.nominal = {}, []
        frame = _frame(X)
        for i, column in enumerate([] if frame is None else frame.iter_columns()):
            known = _categories(column)
            if known is not None:
                self._positions[i] = {value: j for j, value in enumerate(known)}
                if column.dtype != nw.Enum:
                    self.nominal.append(i)

    @property
    def are_numbers(self):
        """Whether all columns are numbers already, without gaps of other kinds."""
        return not self._positions

    def transform(self, X):
        """Turn a frame, or an array with the same columns, into numbers.

        Parameters
        ----------
        X : pandas.DataFrame, polars.DataFrame or array-like of shape (n, n_columns)
            Rows.

        Returns
        -------
        ndarray of shape (n, n_columns), float64
        """
        frame = _frame(X)
        if frame is None:
            columns = np.asarray(X, dtype=object).T
        else:
            columns = frame.iter_columns()
        return np.column_stack(
            [self._numbers(i, list(column)) for i, column in enumerate(columns)]
        )

    def _numbers(self, i, values):
        positions = self._positions.get(i)
        if positions is None:
            values = [np.nan if _is_missing(value) else value for value in values]
        else:
            values = [positions.get(value, np.nan) for value in values]
        return np.array(values, dtype=np.float64)


def _frame(X):
    """Return X as a frame, or None."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def _categories(column):
    """Return the categories of a column in their order; None for one of numbers."""
    if column.dtype in (nw.Categorical, nw.Enum):
        return column.cat.get_categories().to_list()
    if column.dtype not in (nw.String, nw.Object):
        return None
    values = {value for value in column.to_list() if not _is_missing(value)}
    if all(isinstance(value, numbers.Real) for value in values):
        return None
    return sorted(values, key=str)


def _is_missing(value):
    # NaN and NaT differ from themselves.
    return value is None or is_pandas_na(value) or value != value
