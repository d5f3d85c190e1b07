"""Interval for the mean difference of two models over the same splits."""

import numpy as np
from scipy.stats import t


def paired_interval(differences, test_over_train, confidence=0.95, n_intervals=1):
    """Compute an interval for a mean by the corrected resampled t statistic.

    Splits have samples in common, so their differences are not independent and a plain
    t interval is too short. The variance is multiplied by 1 / n_splits + n_test /
    n_train instead of 1 / n_splits alone [1]_.

    Parameters
    ----------
    differences : ndarray of shape (n_splits,)
        Difference in each split.
    test_over_train : float
        n_test / n_train: size of the test set relative to the training set.
    confidence : float, default=0.95
        Probability with which the interval contains the true difference.
    n_intervals : int, default=1
        Number of intervals that hold at once with that confidence (Bonferroni).

    Returns
    -------
    mean, low, high : float
        The ends are NaN when there are fewer than two splits.

    References
    ----------
    .. [1] Nadeau & Bengio (2003). Inference for the Generalization Error. Machine
       Learning 52. DOI 10.1023/A:1024068626366
    """
    n_splits = len(differences)
    if n_splits < 2:
        return (float(np.mean(differences)) if n_splits else np.nan), np.nan, np.nan
    mean = float(np.mean(differences))
    error = np.sqrt(np.var(differences, ddof=1) * (1 / n_splits + test_over_train))
    outside = (1 - confidence) / (2 * n_intervals)
    half = float(t.isf(outside, n_splits - 1) * error)
    return mean, mean - half, mean + half
