"""Checks of y and of the weights of samples and classes."""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

from sktransfer.training.store.samples import Samples


def check_labels(X, y, sample_weight, *, accepts_multilabel):
    """Check the labels and weights of a training set.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        Checked samples.
    y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        Class labels, or an indicator matrix.
    sample_weight : array-like of shape (n_samples,) or None
        Weights.
    accepts_multilabel : bool
        Whether y may be an indicator matrix.

    Returns
    -------
    Samples
        With labels as given; samples of weight 0 are left out.
    """
    if issparse(y):
        y = y.toarray()
    check_classification_targets(y)
    if y.ndim == 2:
        if not np.isin(y, (0, 1)).all():
            raise ValueError(
                f"y has the shape {y.shape} and values other than 0 and 1; expected "
                "class labels of shape (n_samples,), or an indicator matrix of 0 and 1."
            )
        if not accepts_multilabel:
            raise ValueError(
                f"y is an indicator matrix of shape {y.shape}; a sample has one class "
                "with this backbone or estimator. Use TransferClassifier with "
                "backbone='mlp' or another network that is trained by gradient steps."
            )
    sample_weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    index = np.flatnonzero(sample_weight > 0)
    return Samples(X, index, y[index], sample_weight[index])


def check_classes(y, old_classes, *, keeps_head=False):
    """Check that labels are of two classes or more, and those of a warm start.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, n_labels)
        Labels of samples with a weight above 0.
    old_classes : ndarray of shape (n_classes,) or None
        Classes of the fit that a warm start resumes.
    keeps_head : bool, default=False
        Whether labels may be some of the old classes.
    """
    if y.ndim == 2:
        if old_classes is not None and len(old_classes) != y.shape[1]:
            raise ValueError(
                f"warm_start resumes a fit with {len(old_classes)} labels; y has "
                f"{y.shape[1]} columns."
            )
        return
    labels = np.unique(y)
    if len(labels) < 2:
        raise ValueError(
            "y has one class (with a sample_weight above 0); at least 2 classes are "
            "needed."
        )
    if old_classes is not None and not (
        np.isin(labels, old_classes).all()
        if keeps_head
        else np.array_equal(labels, old_classes)
    ):
        raise ValueError(
            f"warm_start resumes a fit with the classes {old_classes.tolist()}; y has "
            f"{labels.tolist()}."
        )


def weigh_classes(class_weight, samples):
    """Multiply the weights of samples by those of their classes.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        As in other classifiers.
    samples : Samples
        With class labels. They are not changed.

    Returns
    -------
    Samples
    """
    if class_weight is None:
        return samples
    if samples.y.ndim == 2:
        raise ValueError(
            f"class_weight={class_weight!r} is not supported where y is an indicator "
            "matrix; use sample_weight."
        )
    classes, position = np.unique(samples.y, return_inverse=True)
    weight = compute_class_weight(
        class_weight,
        classes=classes,
        y=samples.y,
        sample_weight=samples.sample_weight,
    )
    if (weight < 0).any() or not weight.any():
        raise ValueError(
            f"class_weight={class_weight!r} is not valid; weights must be 0 or more, "
            "and one of them above 0."
        )
    weight = samples.sample_weight * weight[position]
    return Samples(samples.X, samples.index, samples.y, weight)
