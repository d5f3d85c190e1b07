"""Source and target: the check of sample_domain; labels as an array."""

import contextlib

import numpy as np
from sklearn.utils.validation import _num_samples, column_or_1d


def check_sample_domain(sample_domain, X):
    """Check that there is one integer per row.

    Parameters
    ----------
    sample_domain : array-like of shape (n_samples,)
        0 or more for rows of a source, less than 0 for rows of a target.
    X : array-like of shape (n_samples, ...)
        Rows.

    Returns
    -------
    ndarray of shape (n_samples,), int64
    """
    n_rows = _num_samples(X)
    try:
        domains = column_or_1d(sample_domain)
    except ValueError as error:
        raise ValueError(
            f"sample_domain has the shape {np.shape(sample_domain)}; it needs one "
            f"integer for each of the {n_rows} rows of X."
        ) from error
    if len(domains) != n_rows:
        raise ValueError(
            f"sample_domain has {len(domains)} values for {n_rows} rows of X; it needs "
            "one for each row."
        )
    wrong = np.ones(n_rows, dtype=bool)
    if domains.dtype.kind != "b":
        with contextlib.suppress(TypeError, ValueError), np.errstate(invalid="ignore"):
            numbers = domains.astype(np.int64)
            wrong = numbers != domains
    if wrong.any():
        values = dict.fromkeys(map(repr, domains[wrong].tolist()))
        raise ValueError(
            "sample_domain must be integers, 0 or more for a source and less than 0 "
            f"for a target; got values of type {domains.dtype}, among them "
            f"{', '.join([*values][:5])}."
        )
    return numbers


def as_labels(values):
    """Labels as an array; numbers among objects as numbers, strings as strings."""
    values = np.asarray(values)
    return np.asarray(values.tolist()) if values.dtype == object else values
