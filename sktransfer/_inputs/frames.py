"""Read the columns of data frames and of arrays of objects, strings and dates."""

from collections.abc import Mapping
from typing import NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError
from scipy.sparse import issparse
from sklearn.utils._missing import is_pandas_na

from sktransfer._inputs.cells import is_date, is_text


class Column(NamedTuple):
    """A column: its values as numbers, or as Python objects."""

    name: object
    values: np.ndarray
    categories: list | None = None
    is_ordered: bool = False
    are_integers: bool = False


def check_container(X):
    """Check that X is not one column, a dict of columns or a lazy frame.

    Parameters
    ----------
    X : object
        Samples.

    Raises
    ------
    TypeError
        If X is a lazy frame.
    ValueError
        If X is a column or a dict.
    """
    if isinstance(_as_frame(X), nw.LazyFrame):
        raise TypeError(
            "X is a LazyFrame; expected a data frame or an array. Use X.collect()."
        )
    if hasattr(X, "to_frame") and len(getattr(X, "shape", ())) == 1:
        raise ValueError(
            f"X is a {type(X).__name__} of shape {X.shape}; expected a table with a "
            "row for each sample. If it is a column, use X.to_frame(), or select it "
            'with two brackets, df[["name"]]. If it is one sample, select it by a '
            "slice, df[:1]."
        )
    if isinstance(X, Mapping) and not issparse(X):
        raise ValueError(
            f"X is a {type(X).__name__}; expected a table with a row for each sample. "
            "Use pandas.DataFrame(X) if its values are columns."
        )


def check_same_columns(X, other, name, other_name):
    """Check that two data frames have the same columns in the same order.

    Parameters
    ----------
    X, other : array-like
        Samples. Those that are not data frames are not checked.
    name, other_name : str
        Names of the parameters, for the message.

    Raises
    ------
    ValueError
        If the names or their order differ.
    """
    frames = _as_frame(X), _as_frame(other)
    if all(isinstance(frame, nw.DataFrame) for frame in frames):
        columns, expected = (frame.columns for frame in frames)
        if columns != expected:
            raise ValueError(
                f"{name} has the columns {columns[:5]}, and {other_name} has "
                f"{expected[:5]}; expected the same columns in the same order. Use "
                f"{name}[{other_name}.columns] if only the order differs."
            )


def column_names(X):
    """Return the names of the columns of a data frame; None for other samples."""
    frame = _as_frame(X)
    return list(frame.columns) if isinstance(frame, nw.DataFrame) else None


def has_objects(X):
    """Return whether a column has another dtype than that of a number.

    Parameters
    ----------
    X : pandas.DataFrame, polars.DataFrame or array-like
        Samples.

    Returns
    -------
    bool
    """
    table = _as_table(X)
    if isinstance(table, nw.DataFrame):
        return not all(map(_is_number_dtype, table.schema.dtypes()))
    return table is not None


def read_columns(X):
    """Read the columns of a table.

    Parameters
    ----------
    X : pandas.DataFrame, polars.DataFrame or array-like
        Samples.

    Returns
    -------
    list of Column or None
        None for an array of numbers.

    Raises
    ------
    TypeError
        If X is a lazy frame, or a frame that has a name twice.
    """
    table = _as_table(X)
    if table is None:
        return None
    if isinstance(table, nw.DataFrame):
        return [_read_column(column) for column in table.iter_columns()]
    return [Column(i, _as_objects(values)) for i, values in enumerate(table.T)]


def _as_table(X):
    """Return X as a frame or as an array of objects; None for an array of numbers."""
    check_container(X)
    frame = _as_frame(X)
    if isinstance(frame, nw.DataFrame):
        return frame
    if isinstance(X, (list, tuple)):
        X = as_rows(X)
    dtype = getattr(X, "dtype", None)
    if not isinstance(dtype, np.dtype) or X.ndim != 2 or dtype.kind not in "OUSMm":
        return None
    return X


def _is_number_dtype(dtype):
    return dtype.is_numeric() or dtype == nw.Boolean


def _as_frame(X):
    try:
        return nw.from_native(X, pass_through=True)
    except DuplicateError:
        names = list(X.columns)
        repeated = sorted({str(name) for name in names if names.count(name) > 1})
        raise TypeError(
            f"X has more than one column with the name {', '.join(repeated)}; expected "
            "a different name for each column."
        ) from None


def as_rows(X):
    """Return a list of rows as an array of objects if some cells are texts.

    NumPy would make texts of the other cells, also of missing values.

    Parameters
    ----------
    X : list, tuple or array-like
        Samples.

    Returns
    -------
    ndarray of shape (n_samples, n_columns) or array-like
        An array of objects, or X.
    """
    if X and all(isinstance(row, (list, tuple)) for row in X):
        n_columns = len(X[0])
        if all(len(row) == n_columns for row in X) and any(
            is_text(cell) or is_date(cell) or is_pandas_na(cell)
            for row in X
            for cell in row
        ):
            array = np.empty((len(X), n_columns), dtype=object)
            for i, row in enumerate(X):
                array[i] = row
            return array
    return X


def _read_column(column):
    dtype = column.dtype
    if dtype in (nw.Categorical, nw.Enum):
        categories = column.cat.get_categories().to_list()
        values = _as_objects(column.to_list())
        return Column(column.name, values, categories, dtype == nw.Enum)
    if _is_number_dtype(dtype):
        # Numbers of pandas may have missing values that NumPy has not.
        values = column.cast(nw.Float64).to_numpy()
        values = np.asarray(values, dtype=np.float64)
        return Column(column.name, values, are_integers=dtype.is_integer())
    return Column(column.name, _as_objects(column.to_list()))


def _as_objects(values):
    array = np.empty(len(values), dtype=object)
    # An assignment of all at once would take lists in cells for rows.
    for i, value in enumerate(values):
        array[i] = value
    return array
