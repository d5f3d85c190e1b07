"""How good probabilities are."""

import numpy as np
from sklearn.metrics import roc_auc_score

# Least probability that counts as one in the log loss.
_LEAST = 1e-6
_BINS = 10


def measures(proba, y):
    """Every measure of some predictions.

    Parameters
    ----------
    proba : ndarray of shape (n_rows, n_classes)
        Probabilities.
    y : ndarray of shape (n_rows,), int
        Classes.

    Returns
    -------
    dict of float
    """
    return {
        "auc": auc(proba, y),
        "log_loss": log_loss(proba, y),
        "ece": calibration_error(proba, y),
        "accuracy": float(np.mean(proba.argmax(axis=1) == y)),
    }


def auc(proba, y):
    """Mean area under the ROC curves of each class against the others.

    Of two classes that is the usual area. Classes without a row are left out; it is
    None where there is one class alone.
    """
    present = np.unique(y)
    if len(present) < 2:
        return None
    if proba.shape[1] == 2:
        return float(roc_auc_score(y, proba[:, 1]))
    return float(np.mean([roc_auc_score(y == c, proba[:, c]) for c in present]))


def log_loss(proba, y):
    """Mean negative logarithm of the probability of the right class.

    Probabilities below 1e-6 are raised to it and rows are scaled to a sum of 1 again,
    so that no row costs more than about 14.
    """
    proba = np.maximum(proba, _LEAST)
    proba = proba / proba.sum(axis=1, keepdims=True)
    return float(-np.mean(np.log(proba[np.arange(len(y)), y])))


def calibration_error(proba, y):
    """Expected calibration error of the class that is predicted.

    Rows fall into 10 bins of equal width by the greatest probability. It is the mean
    over bins, weighted by their rows, of the distance between the mean of that
    probability and the accuracy.
    """
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == y
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    distances = np.bincount(bins, weights=confidence - right, minlength=_BINS)
    return float(np.abs(distances).sum() / len(y))
