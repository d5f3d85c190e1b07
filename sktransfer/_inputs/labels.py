"""Checks of labels, sample weights and class weights."""

import contextlib

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _check_sample_weight

from sktransfer._inputs.unlabeled import is_missing_label, label_array
from sktransfer.training.store.samples import Samples

# scikit-learn does not warn of many classes for so few samples.
_FEW_SAMPLES = 20
# Least value of the greatest weight.
_MIN_WEIGHT = 1e-30


def check_none_missing(y, name="y"):
    """Raise ValueError if labels are None, NaN or pd.NA.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_labels)
        Labels of any type. Other faults are not reported here.
    name : str, default="y"
        Name of the parameter.
    """
    missing = np.zeros(0, dtype=bool)
    with contextlib.suppress(TypeError, ValueError):
        labels = label_array(y)
        if labels.ndim == 1 or labels.shape[1:] == (1,):
            missing = is_missing_label(labels.ravel())
    n_missing = int(missing.sum())
    if n_missing:
        advice = "Leave unlabeled samples out."
        if name == "y":
            advice += (
                " Or, to adapt to them, use DomainAdaptedClassifier: pass them as "
                "X_target, or in X with a sample_domain less than 0."
            )
        raise ValueError(
            f"{name} has {n_missing} missing label{'s' * (n_missing > 1)} (None or "
            f"NaN) among {len(missing)} samples; expected a label for each sample. "
            f"{advice}"
        )


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
        Without samples of weight 0; y has class labels, not class indices.
    """
    if issparse(y):
        y = y.toarray()
    _check_type(y)
    if y.ndim == 2:
        if not np.isin(y, (0, 1)).all():
            raise ValueError(
                f"y has the shape {y.shape} and values other than 0 and 1; expected "
                "class labels of shape (n_samples,), or an indicator matrix of 0 and 1."
            )
        if not accepts_multilabel:
            raise ValueError(
                f"y is an indicator matrix of shape {y.shape}; this backbone or "
                "estimator expects class labels of shape (n_samples,). Use "
                "TransferClassifier with backbone='mlp' or another network that is "
                "trained by gradient steps."
            )
    sample_weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    _check_range(sample_weight, "sample_weight")
    index = np.flatnonzero(sample_weight > 0)
    return Samples(X, index, y[index], sample_weight[index])


def _check_range(weight, name):
    """Raise ValueError if float32 cannot compute with the greatest weight."""
    largest = weight.max() if weight.any() else 1.0
    if not _MIN_WEIGHT <= largest <= 1 / _MIN_WEIGHT:
        raise ValueError(
            f"The greatest weight by {name} is {largest:.3g}; expected between "
            f"{_MIN_WEIGHT:g} and {1 / _MIN_WEIGHT:g}. Scale the weights."
        )


def _check_type(y):
    """Raise ValueError if y has no class labels.

    The check of scikit-learn also warns if there are few samples for each class.
    """
    kind = type_of_target(y, input_name="y")
    if not kind.startswith(("binary", "multiclass", "multilabel")):
        raise ValueError(
            f"Unknown label type: {kind}. y has the dtype {y.dtype} and values such as "
            f"{y.ravel()[:3].tolist()}; expected class labels: integers, strings or "
            "booleans."
        )


def check_classes(y, old_classes, *, keeps_head=False, has_domains=False):
    """Check that there are two classes or more, the same as before a warm start.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, n_labels)
        Labels of samples with a weight above 0.
    old_classes : ndarray of shape (n_classes,) or None
        Classes of the earlier fit of a warm start. None is no warm start.
    keeps_head : bool, default=False
        Whether y may lack some of these classes.
    has_domains : bool, default=False
        Whether sample_domain says which samples are labeled.
    """
    if y.ndim == 2:
        if old_classes is not None and len(old_classes) != y.shape[1]:
            raise ValueError(
                f"y has {y.shape[1]} columns; warm_start=True continues a fit with "
                f"{len(old_classes)} labels. Use the same labels or warm_start=False."
            )
        return
    labels = np.unique(y)
    if len(labels) < 2:
        message = (
            f"y has one class, {labels.tolist()[0]!r} (with a sample_weight above 0); "
            "at least 2 classes are needed."
        )
        if has_domains:
            message += (
                " The labels of samples with a sample_domain less than 0, the target, "
                "are used only with target_labels='use'. Check the sign of "
                "sample_domain: it must be 0 or more for samples of the source."
            )
        raise ValueError(message)
    if old_classes is not None and not (
        np.isin(labels, old_classes).all()
        if keeps_head
        else np.array_equal(labels, old_classes)
    ):
        raise ValueError(
            f"y has the classes {labels.tolist()}; warm_start=True continues a fit "
            f"with the classes {old_classes.tolist()}. Use the same classes or "
            "warm_start=False."
        )


def repeat_few_labels(X, y, sample_weight=None):
    """Repeat samples if scikit-learn would warn that they have many classes.

    From 21 samples on, its classifiers take labels with more classes than half of the
    samples for numbers to predict. Then each sample is returned twice, with half of its
    weight. The solution of a weighted loss is the same.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples.
    y : ndarray of shape (n_samples,)
        Class labels.
    sample_weight : ndarray of shape (n_samples,) or None, default=None
        Weights. None is 1.

    Returns
    -------
    X, y, sample_weight
        The arguments, or with twice as many samples.
    """
    if len(y) <= _FEW_SAMPLES or len(np.unique(y)) <= round(0.5 * len(y)):
        return X, y, sample_weight
    if sample_weight is None:
        sample_weight = np.ones(len(y))
    repeats = np.repeat(np.arange(len(y)), 2)
    return X[repeats], y[repeats], sample_weight[repeats] / 2


def weigh_classes(class_weight, samples, classes):
    """Multiply the weights of samples by the weights of their classes.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        Weights of the classes; "balanced" gives all the same total weight.
    samples : Samples
        Their y has class labels. They are not changed.
    classes : ndarray of shape (n_classes,)
        Sorted labels of all classes. The samples may lack some of them.

    Returns
    -------
    Samples
    """
    if class_weight is None:
        return samples
    if samples.y.ndim == 2:
        raise ValueError(
            f"class_weight={class_weight!r} is not supported if y is an indicator "
            "matrix; expected None. Use sample_weight."
        )
    if isinstance(class_weight, str):
        # "balanced" depends on the classes of the samples only.
        classes = np.unique(samples.y)
    weight = compute_class_weight(
        class_weight,
        classes=classes,
        y=samples.y,
        sample_weight=samples.sample_weight,
    )
    sample_class_weight = weight[np.searchsorted(classes, samples.y)]
    if (weight < 0).any() or not sample_class_weight.any():
        raise ValueError(
            f"class_weight={class_weight!r} is not valid; expected weights of 0 or "
            "more, and at least one above 0."
        )
    weight = samples.sample_weight * sample_class_weight
    _check_range(weight, f"class_weight={class_weight!r}")
    return samples.replace(sample_weight=weight)
