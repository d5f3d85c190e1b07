"""The table as the network in context sees it: one scale, one order."""

import numpy as np

from sktransfer._inputs.standardization import Standardization
from sktransfer._large_arrays import take_rows

# Statistics that differ by less are equal, so that rounding changes no order.
_DECIMALS = 6
# Rows are ordered by so many columns, and by a sum over all columns.
_SORT_COLUMNS = 16
# Stands for a missing value in the statistics that give the order.
_MISSING = 2.0


def standardize_columns(samples):
    """Find the standardization of a table, with its columns in a canonical order.

    The order depends on the content of the columns alone. So predictions depend neither
    on their units, nor on the order of columns or rows in the training set. Columns
    without information are left out: those that are constant, and have a missing value
    nowhere or everywhere.

    Parameters
    ----------
    samples : Samples
        Labeled samples with class indices as y. NaN in X is a missing value.

    Returns
    -------
    Standardization
    """
    X = samples.X.reshape(len(samples.X), -1)
    weight, index = samples.sample_weight, samples.index
    standardization = Standardization.fit(X, index, weight)
    values = standardization.transform(take_rows(X, index))
    is_missing = np.isnan(values)
    has_gaps = is_missing.any(axis=0) & ~is_missing.all(axis=0)
    used = np.flatnonzero(np.isfinite(standardization.scale) | has_gaps)
    if not len(used):
        used = np.zeros(1, int)
    keys = _column_keys(_bounded(values[:, used]), samples.y, weight)
    return standardization.select(used[np.lexsort(keys[::-1])])


def sort_rows(samples):
    """Return an order of samples that depends on their content alone.

    Parameters
    ----------
    samples : Samples
        Samples with standardized columns.

    Returns
    -------
    ndarray of shape (n_samples,), int
    """
    rows = np.nan_to_num(samples.X[samples.index], nan=_MISSING)
    total = np.round(_bounded(rows).sum(axis=1), _DECIMALS)
    columns = rows[:, :_SORT_COLUMNS].T[::-1]
    return np.lexsort((samples.sample_weight, total, *columns, samples.y))


def _bounded(values):
    return np.where(np.isnan(values), _MISSING, np.tanh(values))


def _column_keys(values, y, weight):
    """Compute numbers of each column that depend on no order of rows or columns.

    Parameters
    ----------
    values : ndarray of shape (n, n_columns)
        Values in a small range.
    y : ndarray of shape (n,), int
        Class indices.
    weight : ndarray of shape (n,)
        Weights of the rows.

    Returns
    -------
    list of ndarray of shape (n_columns,)
        The most important ones first: moments, relation to the classes, and relation to
        the other columns in the same rows.
    """
    weight = (weight / weight.sum())[:, None]
    by_class = weight * np.cos(1.0 + y)[:, None]
    by_row = by_class * np.sin(3.0 * np.round(values.sum(axis=1), _DECIMALS))[:, None]
    keys = [
        (weight * values**2).sum(axis=0),
        (weight * values).sum(axis=0),
        (by_class * values).sum(axis=0),
        (by_row * values).sum(axis=0),
        (by_row * values**3).sum(axis=0),
    ]
    return [np.round(key, _DECIMALS) for key in keys]
