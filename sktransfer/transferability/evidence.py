"""LogME: evidence of the labels under a linear model of the features."""

import numpy as np

from sktransfer.transferability._checks import check_features
from sktransfer.transferability._moments import Spectrum

# Range of the logarithm of noise / prior, relative to the greatest squared singular
# value. Outside it the evidence is that of perfect or of useless features.
_LOW, _HIGH = np.log(1e-12), np.log(1e6)
_N_GRID = 100
_N_STEPS = 40
_GOLDEN = (np.sqrt(5) - 1) / 2


def logme(features, y):
    r"""Maximum log evidence of a linear model of the labels.

    With the features F (n samples, d features), the indicator :math:`y_k` of class k
    of C, a prior of precision :math:`\alpha` on the weights and noise of precision
    :math:`\beta`, the score is [1]_

    .. math:: \frac{1}{C n} \sum_k \max_{\alpha, \beta}
       \log \mathcal{N}(y_k;\, 0,\, \beta^{-1} I + \alpha^{-1} F F^\top)

    Greater is better. The score does not change when all features are multiplied by a
    number or rotated.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the target samples.
    y : array-like of shape (n_samples,)
        Their labels.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When the features are not finite numbers, the lengths differ, or y has one
        class or as many classes as samples.

    See Also
    --------
    h_score : Variance of the class means.

    Notes
    -----
    The evidence is maximized by a line search over :math:`\alpha / \beta`, with
    :math:`\beta` in closed form. The iteration of the paper ends near the same point.
    When the features predict the labels without error, the evidence has no maximum;
    so the noise is at least :math:`10^{-12}` of the signal.

    References
    ----------
    .. [1] You, Liu, Wang & Long (2021). LogME: Practical Assessment of Pre-trained
       Models for Transfer Learning. ICML. arXiv:2102.11005

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktransfer.transferability import logme
    >>> X, y = load_iris(return_X_y=True)
    >>> logme(X, y) > logme(X[:, :2], y)
    True
    """
    features, codes, n_classes = check_features(features, y)
    spectrum = Spectrum(features, centered=False)
    values = spectrum.values / spectrum.values.max(initial=np.finfo(np.float64).tiny)
    n = len(codes)
    counts = np.bincount(codes)
    explained = np.square(spectrum.project_classes(codes, n_classes))
    # Unexplained by any weights. The minimum prevents an infinite evidence.
    residual = np.maximum(counts - explained.sum(axis=0), 1e-12 * counts)

    def evidence(log_ratio):
        """Compute the evidence of each class, of shape (n_ratios, n_classes)."""
        signal = values[:, None, None] * np.exp(-log_ratio)
        noise = residual + np.sum(explained[:, None, :] / (1 + signal), axis=0)
        log_det = np.log1p(signal).sum(axis=0)
        return -0.5 * (np.log(2 * np.pi * noise / n) + 1 + log_det / n)

    return float(np.mean(_maxima(evidence, n_classes)))


def _maxima(function, n):
    """Maximize n functions of one variable between _LOW and _HIGH.

    Parameters
    ----------
    function : callable
        Maps an ndarray of shape (n_points, n) to the values of the n functions.
    n : int
        Number of functions.

    Returns
    -------
    ndarray of shape (n,)
    """
    grid = np.linspace(_LOW, _HIGH, _N_GRID)
    values = np.concatenate([function(np.full((1, n), point)) for point in grid])
    best = values.argmax(axis=0)
    low = grid[np.maximum(best - 1, 0)]
    high = grid[np.minimum(best + 1, _N_GRID - 1)]
    for _ in range(_N_STEPS):
        step = _GOLDEN * (high - low)
        left, right = function(np.stack([high - step, low + step]))
        low = np.where(left < right, high - step, low)
        high = np.where(left < right, high, low + step)
    return np.maximum(values.max(axis=0), function((low + high)[None] / 2)[0])
