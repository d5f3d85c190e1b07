"""Columns of a table as inputs of a network: numbers, gaps and categories."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import hash as hash_of

from sktransfer._inputs.standardization import (
    NetworkInputs,
    Standardization,
    StandardizedRows,
)
from sktransfer._large_arrays import blocks, is_mapped, take_rows

# The most frequent categories of a column have an input each. So have rare ones with at
# least so many samples, up to a number in the whole table. Others have none.
_MAX_CATEGORIES = 32
_MIN_RARE, _MAX_RARE = 8, 1024
# The inputs of rare categories are small, so that training takes longer to fit them.
# With more samples there are more steps, and so they are smaller.
_LEAST_VALUE, _SAMPLES_OF_VALUE_1 = 0.25, 1250
_MIN_INPUTS = 8
# Medians and quartiles are computed of a part of the samples with so many values, and
# of at least so many samples.
_MAX_VALUES, _MIN_SAMPLES = 1 << 24, 1 << 12
_LEAST_DISTANCE = 1e-3
# Outliers, such as -9999 for a missing value, determine the standard deviation of a
# column whose quartiles are closer than this part of it.
_LEAST_PART = 0.05
_DECIMALS = 9
# Distance of the quartiles of a normal distribution with standard deviation 1.
_NORMAL_DISTANCE = 1.349
# Larger encoded tables are not kept in memory; rows are encoded when they are read.
_KEEP_BYTES = 1 << 29


@dataclass(frozen=True, eq=False)
class TableEncoding(NetworkInputs):
    """How the columns of a table become inputs of a network, fitted on samples.

    The inputs are the standardized numbers, with 0 for a missing value; one input for
    each column with missing values, which is 1 if the value is missing; one for each
    frequent category, which is 1 for that category; and one for each rare category,
    which is `rare_value` for it. A column that does not vary has no inputs. The
    numbers, the rare categories and the other inputs are padded with zeros to a power
    of two each, so that tables of about one width share a compiled network.

    Attributes
    ----------
    numbers : Standardization
        Columns of numbers that vary, and their means and standard deviations.
    gaps : ndarray of shape (n_gaps,), int
        Columns with missing values in fit.
    categories : ndarray of shape (n_categories, 2), int
        Column and position of each frequent category.
    rare_categories : ndarray of shape (n_rare, 2), int
        Column and position of each rare category.
    rare_value : float
        Value of the input of a rare category.
    columns : TableColumns or None
        Conversion of the columns in fit, which gives categories their positions.
    """

    numbers: Standardization
    gaps: np.ndarray
    categories: np.ndarray
    rare_categories: np.ndarray
    rare_value: float
    columns: Any = None

    @classmethod
    def fit(cls, X, index, sample_weight, columns=None, *, has_rare=False):
        """Fit the encoding.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
            Samples, also a np.memmap. NaN is a missing value.
        index : ndarray of shape (n_train,), int
            Positions of the training samples.
        sample_weight : ndarray of shape (n_train,)
            Their weights. Samples of weight 0 are left out.
        columns : TableColumns or None, default=None
            Conversion of the columns; tells which ones are categories without order.
        has_rare : bool, default=False
            Whether rare categories have inputs.

        Returns
        -------
        TableEncoding
        """
        standardization = Standardization.fit(X, index, sample_weight)
        is_nominal = np.zeros(X.shape[1], dtype=bool)
        is_nominal[columns.nominal if columns is not None else []] = True
        varies = np.isfinite(standardization.scale) & ~is_nominal
        numbers = standardization.select(np.flatnonzero(varies))
        numbers = _without_outliers(X, index, sample_weight, numbers)
        n_known = _count_known(X, index[sample_weight > 0])
        n_samples = np.count_nonzero(sample_weight)
        categories, rare = [], np.zeros((0, 3), dtype=int)
        for column in np.flatnonzero(is_nominal):
            codes, counts = _by_frequency(take_rows(X[:, column], index), sample_weight)
            categories += [(column, code) for code in sorted(codes[:_MAX_CATEGORIES])]
            if has_rare:
                codes, counts = codes[_MAX_CATEGORIES:], counts[_MAX_CATEGORIES:]
                own = np.column_stack([-counts, np.full(len(codes), column), codes])
                rare = np.concatenate([rare, own[counts >= _MIN_RARE]])
        rare = rare[np.lexsort(rare.T[::-1])][:_MAX_RARE, 1:]
        rare_value = np.clip(np.sqrt(_SAMPLES_OF_VALUE_1 / n_samples), _LEAST_VALUE, 1)
        return cls(
            replace(numbers, width=_padded(len(numbers.columns))),
            np.flatnonzero((n_known > 0) & (n_known < n_samples)),
            np.array(categories, dtype=int).reshape(-1, 2),
            rare,
            float(rare_value) if len(rare) else 1.0,
            columns,
        )

    @property
    def n_columns(self):
        """Number of columns of a sample."""
        return self.numbers.n_columns

    @property
    def n_numbers(self):
        """Number of inputs for numbers."""
        return self.numbers.width

    @property
    def n_others(self):
        """Number of inputs for missing values and frequent categories."""
        n_used = len(self.gaps) + len(self.categories)
        return _padded(n_used) if n_used else 0

    @property
    def n_rare(self):
        """Number of inputs for rare categories, after all other inputs."""
        return _padded(len(self.rare_categories)) if len(self.rare_categories) else 0

    @property
    def width(self):
        """Number of inputs of the network."""
        return self.n_numbers + self.n_others + self.n_rare

    @property
    def used_inputs(self):
        """Positions of the inputs that are not padding, without rare categories."""
        n_numbers = len(self.numbers.columns)
        n_others = len(self.gaps) + len(self.categories)
        return np.r_[:n_numbers, self.n_numbers : self.n_numbers + n_others]

    @property
    def unused(self):
        """Columns without inputs, as they did not vary in fit."""
        used = [self.numbers.columns, self.gaps, self.categories[:, 0]]
        return np.setdiff1d(np.arange(self.n_columns), np.concatenate(used))

    @property
    def arrays(self):
        """Arrays that inputs depend on."""
        numbers = self.numbers
        columns = np.frombuffer(hash_of(self.columns).encode(), np.uint8)
        return [
            *(numbers.columns, numbers.mean, numbers.scale),
            *(
                self.gaps,
                self.categories,
                self.rare_categories,
                np.array(self.rare_value),
            ),
            columns,
        ]

    def transform(self, X, dtype=np.float64):
        """Encode samples.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
            Samples; NaN is a missing value.
        dtype : dtype, default=float64
            Type of the result.

        Returns
        -------
        ndarray of shape (n_samples, width)
            Rows of a np.memmap, and of a table that would need much memory, are encoded
            when they are read.
        """
        dtype = np.dtype(dtype)
        if is_mapped(X) or len(X) * self.width * dtype.itemsize > _KEEP_BYTES:
            return StandardizedRows(X, self, dtype)
        return self.transform_rows(X, dtype)

    def transform_rows(self, X, dtype):
        """Encode samples in memory; see :meth:`transform`."""
        inputs, start = np.zeros((len(X), self.width), dtype), 0
        n_gaps, first = len(self.gaps), self.n_numbers
        of_columns = self._inputs_of_categories()
        for rows in blocks(X):
            part = inputs[start : start + len(rows)]
            numbers = self.numbers.transform_rows(rows, np.float64)
            part[:, :first] = np.where(np.isnan(numbers), 0, numbers)
            part[:, first : first + n_gaps] = np.isnan(rows[:, self.gaps])
            for column, codes, positions, values in of_columns:
                # Missing values come last, and are equal to no code.
                found = np.searchsorted(codes, rows[:, column])
                found = np.minimum(found, len(codes) - 1)
                own = np.flatnonzero(codes[found] == rows[:, column])
                part[own, positions[found[own]]] = values[found[own]]
            start += len(rows)
        return inputs

    def _inputs_of_categories(self):
        """Return the inputs of each column with categories.

        Returns
        -------
        list of (int, ndarray, ndarray, ndarray)
            The column, its categories in ascending order, their inputs, and the values
            of these inputs.
        """
        first = self.n_numbers + len(self.gaps), self.n_numbers + self.n_others
        pairs = np.concatenate([self.categories, self.rare_categories])
        positions = np.r_[
            first[0] + np.arange(len(self.categories)),
            first[1] + np.arange(len(self.rare_categories)),
        ]
        values = np.r_[
            np.ones(len(self.categories)),
            np.full(len(self.rare_categories), self.rare_value),
        ]
        inputs = []
        for column in np.unique(pairs[:, 0]):
            own = np.flatnonzero(pairs[:, 0] == column)
            own = own[np.argsort(pairs[own, 1])]
            inputs.append((column, pairs[own, 1], positions[own], values[own]))
        return inputs

    def apply_layers(self, x):
        """Encode a symbolic tensor; see :meth:`Standardization.apply_layers`."""
        from keras import ops

        numbers = self.numbers.apply_layers(x)
        parts = [ops.where(ops.isnan(numbers), ops.zeros_like(numbers), numbers)]
        if len(self.gaps):
            gaps = ops.take(x, self.gaps, axis=1)
            parts.append(ops.cast(ops.isnan(gaps), x.dtype))
        n_used = self.n_numbers + len(self.gaps)
        for pairs, value, end in (
            (self.categories, 1, self.n_numbers + self.n_others),
            (self.rare_categories, self.rare_value, self.width),
        ):
            if len(pairs):
                columns, codes = pairs.T
                values = ops.take(x, columns, axis=1)
                is_category = ops.equal(values, codes.astype(x.dtype))
                parts.append(value * ops.cast(is_category, x.dtype))
            n_padding, n_used = end - n_used - len(pairs), end
            if n_padding:
                parts[-1] = ops.pad(parts[-1], [[0, 0], [0, n_padding]])
        return ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]


def _padded(n):
    """Return a power of two, the number of inputs for n values."""
    return max(_MIN_INPUTS, 1 << (n - 1).bit_length()) if n else _MIN_INPUTS


def _count_known(X, index):
    """Count the values of each column that are not missing."""
    if X.dtype.kind != "f":
        return np.full(X.shape[1], len(index))
    counts = np.zeros(X.shape[1], dtype=int)
    for part in blocks(index, max(1, (1 << 22) // X.shape[1])):
        counts += (~np.isnan(take_rows(X, part))).sum(axis=0)
    return counts


def _by_frequency(values, sample_weight):
    """Return the categories of a column, and the number of samples of each.

    The one with the greatest weight is the first. There are none if it has only one.
    """
    is_used = ~np.isnan(values) & (sample_weight > 0)
    codes, positions, counts = np.unique(
        values[is_used].astype(int), return_inverse=True, return_counts=True
    )
    weights = np.bincount(positions, sample_weight[is_used], len(codes))
    if len(codes) < 2:
        return codes[:0], counts[:0]
    # Sums of equal weights may differ by rounding, which depends on the order of rows.
    order = np.argsort(-np.round(weights / weights.max(), _DECIMALS), kind="stable")
    return codes[order], counts[order]


def _without_outliers(X, index, sample_weight, numbers):
    """Return the standardization of columns, by quartiles where there are outliers.

    The parameters are those of :func:`robust_scale`; the result is as `numbers`.
    """
    step = _sample_step(X, index)
    rows = take_rows(X, index[::step])[:, numbers.columns].astype(np.float64)
    low, middle, high = _quartiles(rows, sample_weight[::step])
    # Halves do not overflow.
    distance = 2 * (high / 2 - low / 2)
    rounding = 64 * np.finfo(np.float64).eps * np.abs(middle)
    has_outliers = (distance > rounding) & (distance < _LEAST_PART * numbers.scale)
    return replace(
        numbers,
        mean=np.where(has_outliers, middle, numbers.mean),
        scale=np.where(has_outliers, distance / _NORMAL_DISTANCE, numbers.scale),
    )


def _sample_step(X, index):
    """Return the distance of the samples that quartiles are computed of."""
    n_most = max(_MIN_SAMPLES, _MAX_VALUES // X.shape[1])
    return -(-len(index) // n_most)


def _quartiles(rows, weight):
    """Return the quartiles of columns, of shape (3, n_columns); NaN if all is missing.

    A weight of 2 is a row twice.
    """
    fractions = np.array([1, 2, 3]) / 4
    if np.ptp(weight) == 0 and not np.isnan(rows).any():
        places = np.ceil(fractions * len(rows)).astype(int) - 1
        return np.partition(rows, places, axis=0)[places]
    quartiles = np.full((3, rows.shape[1]), np.nan)
    for i, values in enumerate(rows.T):
        is_used = ~np.isnan(values) & (weight > 0)
        if is_used.any():
            values, own_weight = values[is_used], weight[is_used]
            order = np.argsort(values, kind="stable")
            total = np.cumsum(own_weight[order] / own_weight.max())
            places = np.searchsorted(total, fractions * total[-1])
            quartiles[:, i] = values[order][places]
    return quartiles


def robust_scale(X, index, sample_weight, numbers):
    """Compute medians and distances of quartiles of standardized columns.

    Where the quartiles are equal, the distance is half the range of the column.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
        Samples, also a np.memmap. NaN is a missing value.
    index : ndarray of shape (n_train,), int
        Positions of the training samples.
    sample_weight : ndarray of shape (n_train,)
        Their weights.
    numbers : Standardization
        Of the columns.

    Returns
    -------
    median, distance : ndarray of shape (n_used,)
        In units of standardized columns. Distances are at least 0.001: smaller ones
        would enlarge rounding errors.
    """
    step = _sample_step(X, index)
    numbers = replace(numbers, width=len(numbers.columns))
    rows = numbers.transform_rows(take_rows(X, index[::step]), np.float64)
    low, median, high = _quartiles(rows, sample_weight[::step])
    half_range = (np.fmax.reduce(rows) - np.fmin.reduce(rows)) / 2
    # Standardized values that differ by less are equal but for rounding.
    are_equal = high - low <= _LEAST_DISTANCE
    distance = np.where(are_equal, np.fmax(half_range, _LEAST_DISTANCE), high - low)
    is_known = ~np.isnan(median)
    return np.where(is_known, median, 0), np.where(is_known, distance, 1)
