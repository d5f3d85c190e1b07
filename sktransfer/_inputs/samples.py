"""Checks of X: its numbers, its columns and the shape of a sample."""

import itertools

import numpy as np
from sklearn.utils import assert_all_finite, check_array, check_X_y
from sklearn.utils.validation import validate_data

from sktransfer._inputs.cells import MAX_INTEGER
from sktransfer._inputs.frames import check_container
from sktransfer._inputs.images import gray_advice
from sktransfer._large_arrays import blocks
from sktransfer.exceptions import BackboneError


def _check_values(X, columns):
    """Raise ValueError if X has values that are not finite.

    The check of scikit-learn would load all of a memory-mapped file into memory.
    """
    for rows in blocks(X):
        try:
            assert_all_finite(rows, allow_nan=columns.accepts_tables, input_name="X")
        except ValueError as error:
            raise ValueError(_describe(rows, columns)) from error
        # The columns of a frame were checked in fit.
        is_array = X.dtype.kind in "iu" and X.ndim == 2 and not columns.are_read
        if is_array and X.dtype.itemsize == 8:
            is_large = (rows > MAX_INTEGER) | (rows < -MAX_INTEGER)
            if is_large.any():
                columns.warn_of_large_integers(np.flatnonzero(is_large.any(axis=0)))
                return


def _describe(rows, columns):
    """Return the message for values that are not finite."""
    is_bad = np.isinf(rows) if columns.accepts_tables else ~np.isfinite(rows)
    where = ""
    if rows.ndim == 2:
        where = f" in column {columns.names(np.flatnonzero(is_bad.any(axis=0)))}"
    if np.isinf(rows).any():
        return (
            "Input X contains infinity or a value too large for dtype('float64')"
            f"{where}. Replace it, for example by NaN for a missing value."
        )
    return (
        f"Input X contains NaN{where}. This backbone does not accept missing values. "
        "Impute them (sklearn.impute.SimpleImputer), or use backbone='tabular' or "
        "'mlp', which accept them."
    )


def check_range(X, dtype):
    """Raise ValueError if X has a value that is too large for a floating-point type.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        Samples.
    dtype : str
        Floating-point type of the computations.
    """
    limit = np.finfo(dtype).max
    if X.dtype.kind == "f" and np.finfo(X.dtype).max > limit:
        for rows in blocks(X):
            if max(np.fmax.reduce(rows, None), -np.fmin.reduce(rows, None)) > limit:
                raise ValueError(
                    f"Input X contains a value too large for dtype({dtype!r}); scale "
                    "it, or use dtype='float64'."
                )


def check_rows(estimator, X, y="no_validation", *, reset, columns):
    """Check X, which may have any number of dimensions and keeps its dtype.

    Parameters
    ----------
    estimator : estimator
        Its n_features_in_ and feature_names_in_ are set or compared with X.
    X : array-like of shape (n_samples, ...)
        Samples.
    y : array-like of shape (n_samples,) or (n_samples, n_labels), optional
        Labels.
    reset : bool
        True sets these attributes, as in fit. False compares them.
    columns : TableColumns
        Converts columns to numbers.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        With labels, a tuple of samples and labels.
    """
    check_container(X)
    if isinstance(X, np.ma.MaskedArray):
        X = X.astype(np.float64).filled(np.nan)
    options = {"dtype": "numeric", "allow_nd": True, "ensure_all_finite": False}
    if not reset and not _has_counted_columns(estimator, X):
        # scikit-learn would compare the second axis; shape_rows compares the shape.
        options["ensure_2d"] = False
    has_labels = not (isinstance(y, str) and y == "no_validation")
    multi_output = _has_columns(y)
    if not columns.must_convert(X):
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
    _check_values(checked[0] if has_labels else checked, columns)
    return checked


def _has_counted_columns(estimator, X):
    """Return whether the second axis of X must be as long as in fit."""
    shape = getattr(X, "shape", None)
    if shape is None and isinstance(X, (list, tuple)):
        try:
            shape = np.shape(X)
        except ValueError:
            return True
    backbone = getattr(estimator, "backbone_", None)
    accepts_flat = backbone is not None and len(backbone.input_shape) > 1
    return shape is None or len(shape) < (2 if accepts_flat else 3)


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

    Only flat samples are reshaped, and axes of length 1 are added or removed: other
    shapes may have their axes in another order.

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
    if [n for n in shape if n != 1] == [n for n in input_shape if n != 1]:
        return X.reshape(len(X), *input_shape)
    if len(shape) == 1:
        unknown = input_shape.count(None)
        known = int(np.prod([n for n in input_shape if n is not None], dtype=int))
        if (unknown == 0 and shape[0] == known) or (
            unknown == 1 and shape[0] % known == 0
        ):
            return X.reshape(len(X), *(-1 if n is None else n for n in input_shape))
    raise BackboneError(
        f"{name} has samples of shape {shape}; the backbone expects samples of shape "
        f"{input_shape}.{_advice(shape, input_shape)}"
        f"{gray_advice(shape, input_shape)}"
    )


def _advice(shape, input_shape):
    """Return what may help samples of another shape, for the message."""
    if len(shape) == len(input_shape):
        for axes in itertools.permutations(range(len(shape))):
            moved = tuple(shape[axis] for axis in axes)
            if all(m in (None, n) for n, m in zip(moved, input_shape, strict=True)):
                order = (0, *(axis + 1 for axis in axes))
                return (
                    " Its axes seem to be in another order; transpose X, by "
                    f"X.transpose{order}."
                )
    if input_shape == (int(np.prod(shape)),):
        return " Use X.reshape(len(X), -1) if its values are in the right order."
    return ""
