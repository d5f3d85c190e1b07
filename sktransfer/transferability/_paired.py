"""Intervals for the mean difference of two models over splits of the same rows."""

import numpy as np
from scipy.stats import t


def paired_interval(differences, test_over_train, confidence=0.95, n_intervals=1):
    """Interval for a mean difference, by the corrected resampled t statistic.

    Splits share rows, so their differences are not independent, and a plain t interval
    is too short. Their variance is multiplied by 1 / n_splits + n_test / n_train
    instead of 1 / n_splits alone [1]_.

    Parameters
    ----------
    differences : ndarray of shape (n_splits,)
        One for each split.
    test_over_train : float
        Rows of a split's test part for each row of its training part.
    confidence : float, default=0.95
        How sure it is that the interval holds the true difference.
    n_intervals : int, default=1
        How many intervals are to hold at once with that confidence (Bonferroni).

    Returns
    -------
    mean, low, high : float
        NaN for the ends when there are fewer than two splits.

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
