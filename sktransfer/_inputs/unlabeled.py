"""Check which samples have no label."""

import numbers

import numpy as np

from sktransfer._inputs.cells import is_missing


def label_array(y):
    """Return labels as an array, without a change of their types.

    NumPy would convert numbers beside a string to strings, missing values beside
    strings too, and integers beside a missing value to floats.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any dtype, also the nullable dtypes of pandas.

    Returns
    -------
    ndarray of shape (n_samples,)
        With the dtype of y if that is one of NumPy, else with the dtype object.
    """
    if isinstance(getattr(y, "dtype", None), np.dtype):
        return np.asarray(y)
    return np.array(y, dtype=object)


def is_missing_label(y):
    """Return which labels are None, NaN or pd.NA.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any dtype, also the nullable dtypes of pandas.

    Returns
    -------
    ndarray of shape (n_samples,), bool
    """
    y = label_array(y)
    if y.dtype != object:
        # Only a missing value is not equal to itself.
        return np.asarray(y != y)
    return np.array([is_missing(label) for label in y], dtype=bool)


def is_unlabeled(y, source_classes):
    """Return which samples have no label.

    A sample is unlabeled if its label is None, NaN or pd.NA. The number -1 also means
    unlabeled if the classes are numbers and -1 is not a class of the source. The string
    "-1" is always a class.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any dtype.
    source_classes : array-like of shape (n,)
        Labels of the source. Repeated and missing labels have no effect.

    Returns
    -------
    ndarray of shape (n_samples,), bool
    """
    y = label_array(y)
    classes = label_array(source_classes)
    classes = set(classes[~is_missing_label(classes)].tolist())
    unlabeled = is_missing_label(y)
    if -1 not in classes and all(isinstance(c, numbers.Number) for c in classes):
        labels = y[~unlabeled].tolist()
        unlabeled[~unlabeled] = [
            isinstance(label, numbers.Number) and label == -1 for label in labels
        ]
    return unlabeled


def check_no_mark(labels):
    """Raise ValueError if -1 seems to mark unlabeled samples, and would be a class.

    This is for labels without samples of a target. The two classes -1 and 1 are usual,
    and so are classes with other numbers below 0.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,) or (n_samples, n_labels)
        Checked labels.
    """
    classes = np.unique(labels) if labels.ndim == 1 else np.zeros(0)
    if classes.dtype.kind not in "if" or len(classes) < 2:
        return
    if classes[0] == -1 and classes[1] >= 0 and classes.tolist() != [-1, 1]:
        raise ValueError(
            f"y has the label -1 beside {classes[1:].tolist()}, and there are no "
            "samples of a target. If -1 means unlabeled, these samples need a "
            "sample_domain less than 0: sample_domain=np.where(y == -1, -1, 0). If -1 "
            "is a class, use TransferClassifier, which needs no target."
        )
