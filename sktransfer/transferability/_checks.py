"""Checks of features and of labels."""

import numpy as np

from sktransfer._inputs.domains import as_labels
from sktransfer._inputs.unlabeled import is_missing_label, is_unlabeled, label_array
from sktransfer._large_arrays import blocks


def check_matrix(X, name):
    """Check a matrix of real numbers; it keeps its dtype and is not copied.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Real numbers; may be a np.memmap.
    name : str
        Name of the parameter, for the errors.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
    """
    X = np.asarray(X)
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(
            f"{name} has shape {X.shape}; expected (n_samples, n_features), with at "
            "least one sample and one feature."
        )
    if X.dtype == object:
        try:
            X = X.astype(np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{name} has a value that is not a number.") from None
    if X.dtype.kind not in "biuf":
        raise ValueError(f"{name} is of dtype {X.dtype}; expected real numbers.")
    if X.dtype.kind == "f":
        for block in blocks(X):
            if not np.isfinite(block).all():
                raise ValueError(
                    f"{name} has NaN or infinite values; expected finite values."
                )
    return X


def check_labels(y, name, n_samples):
    """Check labels and number their classes from 0.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels.
    name : str
        Name of the parameter, for the errors.
    n_samples : int
        Expected number of labels.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Labels in sorted order.
    codes : ndarray of shape (n_samples,), int
        Positions in `classes`.
    """
    y = np.asarray(y)
    if y.ndim != 1:
        raise ValueError(
            f"{name} has shape {y.shape}; expected (n_samples,), one label for each "
            "sample."
        )
    if len(y) != n_samples:
        raise ValueError(
            f"{name} has {len(y)} labels for {n_samples} samples; expected one for "
            "each sample."
        )
    if is_missing_label(y).any():
        raise ValueError(f"{name} has missing labels (None or NaN); expected none.")
    if y.dtype.kind == "f" and np.any(y % 1):
        example = y[np.flatnonzero(y % 1)[0]]
        raise ValueError(
            f"{name} has fractions, such as {example}; expected class labels."
        )
    try:
        return np.unique(y, return_inverse=True)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in y.tolist()})
        raise ValueError(
            f"{name} mixes labels of the types {', '.join(kinds)}; expected labels of "
            "one type."
        ) from None


def check_classes(y, n_samples, name="y"):
    """Check labels: at least two classes, and fewer classes than samples.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels.
    n_samples : int
        Expected number of labels.
    name : str, default="y"
        Name of the parameter, for the errors.

    Returns
    -------
    codes : ndarray of shape (n_samples,), int
        Classes, numbered from 0.
    n_classes : int
        Number of classes.
    """
    classes, codes = check_labels(y, name, n_samples)
    if not len(classes):
        raise ValueError(f"{name} has no labels; expected at least two classes.")
    if len(classes) < 2:
        raise ValueError(
            f"{name} has one class, {classes.tolist()[0]!r}; expected at least two."
        )
    if len(classes) >= n_samples:
        raise ValueError(
            f"{name} has {len(classes)} classes in {n_samples} samples; expected more "
            "samples than classes."
        )
    return codes, len(classes)


def check_partial_labels(y, n_samples, source_classes, name="y"):
    """Check labels of which some may be missing, and leave those samples out.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels.
    n_samples : int
        Expected number of labels.
    source_classes : array-like of shape (n,)
        Labels of the source. With none, -1 is a class; see
        :func:`sktransfer._inputs.unlabeled.is_unlabeled`.
    name : str, default="y"
        Name of the parameter, for the errors.

    Returns
    -------
    labels : ndarray of shape (n_labeled,)
        Labels of the labeled samples.
    labeled : ndarray of shape (n_labeled,), int
        Their positions.
    """
    y = label_array(y)
    if y.shape != (n_samples,):
        check_labels(y, name, n_samples)
    is_labeled = ~is_unlabeled(y, source_classes if len(source_classes) else y)
    labels = y[is_labeled]
    if len({isinstance(label, str) for label in labels.tolist()}) == 1:
        labels = as_labels(labels)
    check_classes(labels, len(labels), name)
    return labels, np.flatnonzero(is_labeled)


def check_features(features, y):
    """Check features and their labels.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features.
    y : array-like of shape (n_samples,)
        Labels.

    Returns
    -------
    features : ndarray of shape (n_samples, n_features)
        With their own dtype.
    codes : ndarray of shape (n_samples,), int
        Classes, numbered from 0.
    n_classes : int
        Number of classes.
    """
    features = check_matrix(features, "features")
    return features, *check_classes(y, len(features))
