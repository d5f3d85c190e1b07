"""Columns of tables as numbers: dates, texts of numbers, and categories."""

import copy
import math

import numpy as np

from sktransfer._inputs.cells import (
    MAX_INTEGER,
    as_number,
    days_since_1970,
    is_date,
    is_duration,
    is_hashable,
    is_large_integer,
    is_missing,
    show,
)
from sktransfer._inputs.frames import (
    Column,
    column_names,
    has_objects,
    read_columns,
)
from sktransfer._warnings import warn_user

# From this fraction of numbers on, a column of texts looks like one of numbers. From
# this fraction of new categories on, a column is not that of the training set.
_MOST = 0.5
# A column of at least so many texts, most of which are different, is hardly one of
# categories.
_MIN_TEXTS = 20
_N_SHOWN = 3


class TableColumns:
    """Converts the columns of a table to numbers.

    Numbers of any type stay numbers, and so do texts if all of a column are numbers.
    Dates become days since the earliest date of the training set, durations become
    days. Categories and other texts are replaced by their positions in the training
    set: in the order of a categorical dtype, otherwise in alphabetical order. Missing
    values and new categories become NaN.

    Parameters
    ----------
    X : pandas.DataFrame, polars.DataFrame or array-like
        Training set. Data frames, and arrays of objects, strings or dates, have columns
        to convert; other arrays have none.
    accepts_tables : bool, default=True
        Whether missing values and columns of categories are accepted.

    Attributes
    ----------
    accepts_tables : bool
        The parameter.
    are_numbers : bool
        Whether all columns have the dtype of a number, so that there is nothing to
        convert.
    nominal : list of int
        Columns with categories that have no order.

    Raises
    ------
    TypeError, ValueError
        If a column has values of another kind. The message names the column.
    """

    def __init__(self, X, *, accepts_tables=True):
        columns = read_columns(X)
        if columns == []:
            raise ValueError("X has 0 feature(s); expected at least one column.")
        self.accepts_tables = accepts_tables
        self.are_numbers = not any(
            column.values.dtype == object for column in columns or ()
        )
        self._converters = None
        if columns is not None:
            self._converters = [_make_converter(column) for column in columns]
            pairs = enumerate(zip(self._converters, columns, strict=True))
            large = [i for i, pair in pairs if _has_large_integers(*pair)]
            if large:
                self.warn_of_large_integers(large)
        self.nominal = []
        for i, converter in enumerate(self._converters or ()):
            if isinstance(converter, _Categories):
                if not accepts_tables:
                    raise ValueError(
                        f"Column {converter.name!r} of X has categories, such as "
                        f"{converter.examples()}; this backbone expects numbers. "
                        "One-hot encode the column (sklearn.preprocessing."
                        "OneHotEncoder), or use backbone='tabular' or 'mlp', which "
                        "accept it."
                    )
                if not columns[i].is_ordered:
                    self.nominal.append(i)

    @property
    def converted(self):
        """Names of the columns whose values are not numbers."""
        return [
            converter.name
            for converter in self._converters or ()
            if isinstance(converter, (_Categories, _Dates, _Durations))
        ]

    def check_names(self, X):
        """Raise ValueError if X is a frame with other columns, or in another order.

        Parameters
        ----------
        X : pandas.DataFrame, polars.DataFrame or array-like
            Samples of another fit. Only frames have names to compare.
        """
        found = column_names(X)
        if found is None or not self._converters:
            return
        expected = [converter.name for converter in self._converters]
        if len(found) == len(expected) and found != expected:
            pairs = zip(found, expected, strict=True)
            own, other = next(pair for pair in pairs if pair[0] != pair[1])
            raise ValueError(
                f"X has the column {own!r} where the backbone was trained on "
                f"{other!r}; it needs the same columns in the same order."
            )

    def names(self, positions):
        """Return the names of the first of some columns, or their numbers, as a text.

        Parameters
        ----------
        positions : ndarray of int
            Positions of the columns.

        Returns
        -------
        str
        """
        converters = self._converters
        names = ", ".join(
            repr(converters[i].name if converters else int(i))
            for i in positions[:_N_SHOWN]
        )
        return f"{names}, ..." if len(positions) > _N_SHOWN else names

    def select(self, positions):
        """Return the conversion of some of the columns, in this order.

        Parameters
        ----------
        positions : ndarray of shape (n,), int
            Positions of the columns.

        Returns
        -------
        TableColumns
        """
        selected = copy.copy(self)
        selected.nominal = np.flatnonzero(np.isin(positions, self.nominal)).tolist()
        if self._converters is not None:
            own = [self._converters[i] for i in positions]
            selected._converters = own  # noqa: SLF001
        return selected

    def warn_of_large_integers(self, positions):
        """Warn that float64 rounds the integers of some columns."""
        warn_user(
            f"Column {self.names(positions)} of X has integers above 2**53, which "
            "float64 rounds. Subtract a constant from the column before."
        )

    @property
    def are_read(self):
        """Whether the training set was a frame, or an array of objects or texts."""
        return self._converters is not None

    def must_convert(self, X):
        """Return whether samples have columns to convert."""
        return not self.are_numbers or has_objects(X)

    def transform(self, X):
        """Convert a table with the same columns to numbers.

        Parameters
        ----------
        X : pandas.DataFrame, polars.DataFrame or array-like of shape (n, n_columns)
            Samples.

        Returns
        -------
        ndarray of shape (n, n_columns), float64
        """
        columns = read_columns(X)
        if columns is None:
            columns = [Column(i, values) for i, values in enumerate(np.asarray(X).T)]
        converters = self._converters
        if converters is not None and len(converters) != len(columns):
            raise ValueError(
                f"X has {len(columns)} columns; the backbone was trained on "
                f"{len(converters)}. Expected the same columns."
            )
        if converters is None:
            # The training set was an array of numbers.
            converters = [_Numbers(column.name) for column in columns]
        if len(columns) != len(converters):
            raise ValueError(
                f"X has {len(columns)} columns; expected {len(converters)} columns."
            )
        pairs = zip(converters, columns, strict=True)
        return np.column_stack(
            [converter.transform(column.values) for converter, column in pairs]
        )


class _Numbers:
    """Converts a column of numbers, or of texts that are numbers."""

    def __init__(self, name):
        self.name = name

    def transform(self, values):
        """Return the values as float64."""
        if values.dtype != object:
            return values.astype(np.float64)
        return np.array([self._convert(value) for value in values], dtype=np.float64)

    def _convert(self, value):
        number = as_number(value)
        if number is None:
            raise ValueError(
                f"Column {self.name!r} of X had numbers in fit; got {show(value)}."
            )
        return number


class _TextNumbers(_Numbers):
    """Converts a column of texts that are numbers; other texts become NaN."""

    def transform(self, values):
        """Return the numbers; NaN for missing values and for other texts."""
        numbers = [as_number(value) for value in values]
        known = [i for i, value in enumerate(values) if not is_missing(value)]
        new = [values[i] for i in known if numbers[i] is None]
        _warn_of_new(self.name, new, len(known), "numbers")
        return np.array(
            [math.nan if number is None else number for number in numbers], np.float64
        )


class _Durations(_Numbers):
    """Converts a column of durations to days."""


class _Dates:
    """Converts a column of dates to days since the earliest date in fit."""

    def __init__(self, name, dates):
        self.name = name
        self._first = min(map(days_since_1970, dates))

    def transform(self, values):
        """Return the days since the earliest date."""
        return np.array([self._convert(value) for value in values], dtype=np.float64)

    def _convert(self, value):
        if not (is_missing(value) or is_date(value)):
            raise ValueError(
                f"Column {self.name!r} of X had dates in fit; got {show(value)}. "
                "Convert the column, for example by pandas.to_datetime."
            )
        return days_since_1970(value) - self._first


class _Empty:
    """Converts a column that had no value in fit: nothing is known about its values."""

    def __init__(self, name):
        self.name = name

    def transform(self, values):
        """Return missing values."""
        return np.full(len(values), np.nan)


class _Categories:
    """Converts a column of categories to their positions."""

    def __init__(self, name, categories):
        self.name = name
        self._positions = {value: j for j, value in enumerate(categories)}

    def examples(self):
        """Return the first categories, for messages."""
        return ", ".join(map(show, list(self._positions)[:_N_SHOWN]))

    def transform(self, values):
        """Return the positions; NaN for missing values and new categories."""
        values = values.tolist()
        positions = np.array([self._position(v) for v in values], dtype=np.float64)
        known = [i for i, value in enumerate(values) if not is_missing(value)]
        new = [values[i] for i in known if math.isnan(positions[i])]
        _warn_of_new(self.name, new, len(known), self.examples())
        return positions

    def _position(self, value):
        try:
            return self._positions.get(value, math.nan)
        except TypeError:
            raise _cell_error(self.name, value) from None


def _warn_of_new(name, new, n_known, examples):
    """Warn if most values of a column are not in fit; a single one may be rare."""
    if len(new) > 1 and len(new) >= _MOST * n_known:
        shown = ", ".join(map(show, list(dict.fromkeys(new))[:_N_SHOWN]))
        warn_user(
            f"Of {n_known} values in column {name!r} of X, {len(new)} were not in fit, "
            f"such as {shown}; fit had {examples}. They are treated as missing values."
        )


def _make_converter(column):
    name, values = column.name, column.values
    if column.categories is not None:
        return _Categories(name, column.categories)
    if values.dtype != object:
        is_empty = len(values) and np.isnan(values).all()
        return _Empty(name) if is_empty else _Numbers(name)
    known = [value for value in values if not is_missing(value)]
    if not known:
        return _Empty(name)
    is_number = [as_number(value) is not None for value in known]
    if all(is_number):
        if any(map(is_duration, known)):
            return _Durations(name)
        has_texts = any(isinstance(value, (str, bytes)) for value in known)
        return (_TextNumbers if has_texts else _Numbers)(name)
    if any(isinstance(value, complex) for value in known):
        raise ValueError(f"Column {name!r} of X: Complex data not supported.")
    dates = [value for value in known if is_date(value)]
    if len(dates) == len(known):
        return _Dates(name, dates)
    if dates:
        other = next(value for value in known if not is_date(value))
        raise TypeError(
            f"Column {name!r} of X has dates and other values, such as {show(other)}; "
            "expected dates alone. Convert the column, for example by "
            "pandas.to_datetime(..., errors='coerce')."
        )
    try:
        # 1 and "1" have no order otherwise.
        categories = sorted(set(known), key=lambda value: (str(value), repr(value)))
    except TypeError:
        unhashable = next(value for value in known if not is_hashable(value))
        raise _cell_error(name, unhashable) from None
    if np.mean(is_number) >= _MOST:
        other = known[is_number.index(False)]
        warn_user(
            f"Column {name!r} of X has texts of numbers, and others such as "
            f"{show(other)}, so it is treated as categories. If these are missing "
            "values, replace them by NaN."
        )
    elif len(known) >= _MIN_TEXTS and 2 * len(categories) > len(known):
        warn_user(
            f"Column {name!r} of X has {len(categories)} different values in "
            f"{len(known)} samples, such as {show(known[0])}, and is treated as "
            "categories. Convert it if these are numbers or dates (pandas.to_numeric, "
            "pandas.to_datetime); drop it if they are names or numbers of the samples."
        )
    return _Categories(name, categories)


def _has_large_integers(converter, column):
    """Return whether float64 rounds some of the numbers of a column."""
    if type(converter) not in (_Numbers, _TextNumbers):
        return False
    if column.values.dtype == object:
        return any(map(is_large_integer, column.values))
    # Rounded values may be equal to the limit.
    return column.are_integers and bool((abs(column.values) >= MAX_INTEGER).any())


def _cell_error(name, value):
    return TypeError(
        f"Column {name!r} of X has {show(value)}, of type {type(value).__name__}; the "
        "argument must be a table, each cell a string, a number, a date or missing."
    )
