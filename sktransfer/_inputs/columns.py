"""Columns of data frames as numbers: categories are replaced by their positions."""

import numbers

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.utils._missing import is_pandas_na


class TableColumns:
    """Converts the columns of data frames to numbers.

    Categories and strings are replaced by their positions in the training set: in the
    order of a categorical dtype, otherwise in alphabetical order. Missing values and
    new categories become NaN.

    Parameters
    ----------
    X : pandas.DataFrame, polars.DataFrame or array-like
        Training set. Only a data frame has columns to convert.

    Attributes
    ----------
    nominal : list of int
        Columns with categories that have no order.
    """

    def __init__(self, X):
        self._positions, self.nominal = {}, []
        frame = _frame(X)
        for i, column in enumerate([] if frame is None else frame.iter_columns()):
            categories = _categories(column)
            if categories is not None:
                self._positions[i] = {value: j for j, value in enumerate(categories)}
                if column.dtype != nw.Enum:
                    self.nominal.append(i)

    @property
    def are_numbers(self):
        """Whether no column has categories or strings."""
        return not self._positions

    def transform(self, X):
        """Convert a data frame, or an array with the same columns, to numbers.

        Parameters
        ----------
        X : pandas.DataFrame, polars.DataFrame or array-like of shape (n, n_columns)
            Samples.

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
    """Return X as a narwhals frame, or None if it is not a data frame."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def _categories(column):
    """Return the categories of a column in order, or None for a column of numbers."""
    if column.dtype in (nw.Categorical, nw.Enum):
        return column.cat.get_categories().to_list()
    if column.dtype not in (nw.String, nw.Object):
        return None
    values = {value for value in column.to_list() if not _is_missing(value)}
    if all(isinstance(value, numbers.Real) for value in values):
        return None
    return sorted(values, key=str)


def _is_missing(value):
    # NaN and NaT are not equal to themselves.
    return value is None or is_pandas_na(value) or value != value
