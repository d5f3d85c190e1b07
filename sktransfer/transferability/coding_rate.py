"""TransRate: coding rate of all features minus that of the classes."""

import numpy as np

from sktransfer.transferability._checks import check_features
from sktransfer.transferability._moments import Columns

# Distortion of the code, from the paper.
_DISTORTION = 1e-4


def transrate(features, y):
    r"""Coding rate of all features minus the mean coding rate of the classes.

    With the centered features Z of n samples, :math:`Z_c` those of class c of C, and
    :math:`\epsilon = 10^{-4}`, the score is [1]_

    .. math:: R(Z) - \frac{1}{C} \sum_c R(Z_c), \quad
       R(Z) = \frac{1}{2} \log \det\left(I + \frac{1}{n \epsilon} Z^\top Z\right)

    Greater is better. It depends on the scale of the features and increases with their
    number. Use it to compare layers of one network, or networks of similar width.

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

    References
    ----------
    .. [1] Huang, Huang, Rong, Yang & Wei (2022). Frustratingly Easy Transferability
       Estimation. ICML. arXiv:2106.09362

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktransfer.transferability import transrate
    >>> X, y = load_iris(return_X_y=True)
    >>> transrate(X, y) > transrate(X[:, :2], y)
    True
    """
    features, codes, n_classes = check_features(features, y)
    columns = Columns(features)
    class_rates = [
        _rate(columns.select_rows(np.flatnonzero(codes == code)))
        for code in range(n_classes)
    ]
    return float(_rate(columns) - np.mean(class_rates))


def _rate(columns):
    gram = columns.gram()
    gram /= len(columns.rows) * _DISTORTION
    gram.flat[:: len(gram) + 1] += 1
    return 0.5 * np.linalg.slogdet(gram).logabsdet
