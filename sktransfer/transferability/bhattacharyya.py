"""GBC: overlap of the classes, each modeled as a Gaussian."""

import numpy as np

from sktransfer.transferability._checks import check_features
from sktransfer.transferability._moments import Spectrum, indicators

_N_COMPONENTS = 64
# Minimum variance of a class, relative to that of all samples.
_MIN_VARIANCE = 1e-6


def gbc(features, y):
    r"""Negative sum of the Bhattacharyya coefficients of all pairs of classes.

    Features are reduced to their first d principal components, 64 at most. Each class
    c is modeled as a Gaussian with mean :math:`\mu_c` and variance :math:`v_c`, equal
    in all directions. With :math:`v = (v_a + v_b) / 2` the score is [1]_

    .. math:: -\sum_{a \neq b} e^{-D(a, b)}, \quad
       D(a, b) = \frac{\lVert \mu_a - \mu_b \rVert^2}{8 v}
       + \frac{d}{2} \log \frac{v}{\sqrt{v_a v_b}}

    Greater is better, and 0 is best: no class overlaps another. The score does not
    change when all features are multiplied by a number, shifted or rotated.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the target samples.
    y : array-like of shape (n_samples,)
        Their labels. A class with one sample has almost no variance, so it overlaps no
        other class.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When the features are not finite numbers, the lengths differ, or y has one
        class or as many classes as samples.

    References
    ----------
    .. [1] Pándy, Agostinelli, Uijlings, Ferrari & Mensink (2022). Transferability
       Estimation using Bhattacharyya Class Separability. CVPR. arXiv:2111.12780

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktransfer.transferability import gbc
    >>> X, y = load_iris(return_X_y=True)
    >>> 0 > gbc(X, y) > gbc(X[:, :2], y)
    True
    """
    features, codes, n_classes = check_features(features, y)
    components = Spectrum(features).components(_N_COMPONENTS)
    d = components.shape[1]
    if d == 0:
        return -float(n_classes * (n_classes - 1))
    labels, counts = indicators(codes, n_classes), np.bincount(codes)
    means = labels.T @ components / counts[:, None]
    residuals = np.square(components - means[codes]).mean(axis=1)
    min_variance = _MIN_VARIANCE * np.square(components).mean()
    variances = np.maximum(labels.T @ residuals / counts, min_variance)
    overlap = 0.0
    for code in range(n_classes - 1):
        others = slice(code + 1, None)
        variance = (variances[code] + variances[others]) / 2
        distance = np.square(means[code] - means[others]).sum(axis=1) / (8 * variance)
        log_ratio = np.log(variance) - np.log(variances[code] * variances[others]) / 2
        overlap += np.exp(-distance - d / 2 * log_ratio).sum()
    return -2.0 * float(overlap) + 0.0
