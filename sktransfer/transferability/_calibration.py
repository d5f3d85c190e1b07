"""How far predicted probabilities can be believed."""

import numpy as np

_BINS = 15


def calibration(y, proba, classes):
    """Measure predicted probabilities against labels.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    proba : ndarray of shape (n_samples, n_classes)
        Probabilities of the classes.
    classes : ndarray of shape (n_classes,)
        Labels of the columns, sorted.

    Returns
    -------
    dict of float
        "log_loss", with probabilities of at least 1e-15, and "calibration_error", the
        expected calibration error of the predicted class in 15 bins of equal width
        [1]_.

    References
    ----------
    .. [1] Guo et al. (2017). On Calibration of Modern Neural Networks. ICML.
       arXiv:1706.04599
    """
    # A label that the model does not know has the probability 0.
    known = np.isin(y, classes)
    column = np.where(known, np.searchsorted(classes, y), 0) % len(classes)
    given = np.where(known, proba[np.arange(len(y)), column], 0.0)
    log_loss = -np.log(np.clip(given, 1e-15, 1)).mean()

    confidence = proba.max(axis=1)
    hit = classes[proba.argmax(axis=1)] == y
    bins = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
    # A bin's share of the rows times its gap is the gap of its sums, over all rows.
    gaps = np.bincount(bins, hit - confidence, minlength=_BINS)
    return {
        "log_loss": float(log_loss),
        "calibration_error": float(np.abs(gaps).sum() / len(y)),
    }
