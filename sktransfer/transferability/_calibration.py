"""Calibration of predicted probabilities."""

import numpy as np

from sktransfer._statistics import true_class_proba

_BINS = 15


def calibration(y, proba, classes):
    """Compare predicted probabilities with labels.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    proba : ndarray of shape (n_samples, n_classes)
        Class probabilities.
    classes : ndarray of shape (n_classes,)
        Class of each column, sorted.

    Returns
    -------
    dict of float
        "log_loss", with probabilities clipped to at least 1e-15, and
        "calibration_error", the expected calibration error of the predicted class in
        15 bins of equal width [1]_.

    References
    ----------
    .. [1] Guo et al. (2017). On Calibration of Modern Neural Networks. ICML.
       arXiv:1706.04599
    """
    # A class that the model was not trained on has the probability 0.
    log_loss = -np.log(np.clip(true_class_proba(proba, y, classes), 1e-15, 1)).mean()

    confidence = proba.max(axis=1)
    is_correct = classes[proba.argmax(axis=1)] == y
    bins = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
    # Sum, over the samples of each bin, of accuracy minus confidence.
    gaps = np.bincount(bins, is_correct - confidence, minlength=_BINS)
    return {
        "log_loss": float(log_loss),
        "calibration_error": float(np.abs(gaps).sum() / len(y)),
    }
