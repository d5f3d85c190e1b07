"""Checks of X: its numbers, its columns and the shape of a sample."""

import numpy as np
from sklearn.utils import assert_all_finite, check_array, check_X_y
from sklearn.utils.validation import validate_data

from sktransfer._large_arrays import blocks
from sktransfer.exceptions import BackboneError


def check_values(estimator, X, *, allow_nan=False):
    """Raise ValueError if X has values that are not valid for the estimator.

    The check of scikit-learn would load all of a memory-mapped file into memory.

    Parameters
    ----------
    estimator : estimator
        Its `dtype` limits the values.
    X : ndarray of shape (n_samples, ...)
        Samples.
    allow_nan : bool, default=False
        Whether X may have NaN, for missing values.
    """
    is_narrowed = X.dtype == np.float64 and estimator.dtype == "float32" and X.size
    limit = np.finfo(np.float32).max
    for rows in blocks(X):
        assert_all_finite(
            rows,
            allow_nan=allow_nan,
            estimator_name=type(estimator).__name__,
            input_name="X",
        )
        if is_narrowed and max(np.nanmax(rows), -np.nanmin(rows)) > limit:
            raise ValueError(
                "Input X contains a value too large for dtype('float32'); scale it, or "
                "use dtype='float64'."
            )


def check_rows(estimator, X, y="no_validation", *, reset, columns=None):
    """Check X, which may have any number of dimensions and keeps its dtype.

    Parameters
    ----------
    estimator : estimator
        Its `dtype` limits the values. Its n_features_in_ and feature_names_in_ are set
        or compared with X.
    X : array-like of shape (n_samples, ...)
        Samples.
    y : array-like of shape (n_samples,) or (n_samples, n_labels), optional
        Labels.
    reset : bool
        True sets these attributes, as in fit. False compares them.
    columns : TableColumns or None, default=None
        Converts columns to numbers. None accepts no missing values and no strings.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        With labels, a tuple of samples and labels.
    """
    options = {"dtype": "numeric", "allow_nd": True, "ensure_all_finite": False}
    has_labels = not (isinstance(y, str) and y == "no_validation")
    multi_output = _has_columns(y)
    if columns is None or columns.are_numbers:
        if multi_output:
            options |= {"multi_output": True}
        checked = validate_data(estimator, X, y, reset=reset, **options)
    else:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        X = columns.transform(X)
        if has_labels:
            checked = check_X_y(X, y, multi_output=multi_output, **options)
        else:
            checked = check_array(X, **options)
    check_values(
        estimator,
        checked[0] if has_labels else checked,
        allow_nan=columns is not None,
    )
    return checked


def _has_columns(y):
    """Return whether y has more than one column."""
    shape = getattr(y, "shape", None)
    if shape is None and isinstance(y, (list, tuple)):
        try:
            shape = np.shape(y)
        except ValueError:
            return False
    return shape is not None and len(shape) == 2 and shape[1] > 1


def shape_rows(X, input_shape, name="X"):
    """Reshape samples to the input shape of a backbone.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Samples.
    input_shape : tuple
        Shape of one sample. None accepts any size.
    name : str, default="X"
        Name of the samples in the error message.

    Returns
    -------
    ndarray of shape (n, ...)
        A view of X if possible.

    Raises
    ------
    BackboneError
        If the sizes do not agree.
    """
    shape = X.shape[1:]
    if len(shape) == len(input_shape) and all(
        expected in (None, n) for n, expected in zip(shape, input_shape, strict=True)
    ):
        return X
    unknown = input_shape.count(None)
    known = int(np.prod([n for n in input_shape if n is not None], dtype=int))
    size = int(np.prod(shape, dtype=int))
    if (unknown == 0 and size == known) or (unknown == 1 and size % known == 0):
        return X.reshape(len(X), *(-1 if n is None else n for n in input_shape))
    raise BackboneError(
        f"{name} has samples of shape {shape}, {size} values each; the backbone "
        f"expects samples of shape {input_shape}."
    )
