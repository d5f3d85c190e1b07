"""Check of sample_domain, and conversion of labels to an array."""

import contextlib

import numpy as np
from sklearn.utils.validation import _num_samples, column_or_1d


def check_sample_domain(sample_domain, X):
    """Check that `sample_domain` has one integer for each sample.

    Parameters
    ----------
    sample_domain : array-like of shape (n_samples,)
        0 or more for samples of a source, less than 0 for samples of a target.
    X : array-like of shape (n_samples, ...)
        Samples.

    Returns
    -------
    ndarray of shape (n_samples,), int64
    """
    n_samples = _num_samples(X)
    try:
        domains = column_or_1d(sample_domain)
    except ValueError as error:
        raise ValueError(
            f"sample_domain has the shape {np.shape(sample_domain)}; expected one "
            f"integer for each of the {n_samples} samples of X."
        ) from error
    if len(domains) != n_samples:
        raise ValueError(
            f"sample_domain has {len(domains)} values; expected one for each of the "
            f"{n_samples} samples of X."
        )
    wrong = np.ones(n_samples, dtype=bool)
    if domains.dtype.kind != "b":
        with contextlib.suppress(TypeError, ValueError), np.errstate(invalid="ignore"):
            numbers = domains.astype(np.int64)
            wrong = numbers != domains
    if wrong.any():
        values = dict.fromkeys(map(repr, domains[wrong].tolist()))
        raise ValueError(
            "sample_domain must be integers, 0 or more for a source and less than 0 "
            f"for a target; got values of type {domains.dtype}, such as "
            f"{', '.join([*values][:5])}."
        )
    return numbers


def as_labels(values):
    """Return labels as an array; objects that are numbers get a number dtype."""
    values = np.asarray(values)
    return np.asarray(values.tolist()) if values.dtype == object else values
