"""TransRate: bits that code all features, less those that code each class."""

import numpy as np

from sktransfer.transferability._checks import check_features
from sktransfer.transferability._moments import Columns

# Distortion of the code, as in the paper.
_DISTORTION = 1e-4


def transrate(features, y):
    r"""Coding rate of all features less the mean rate of a class's features.

    With the centered features Z of n rows, :math:`Z_c` those of class c of C, and
    :math:`\epsilon = 10^{-4}`, the score is [1]_

    .. math:: R(Z) - \frac{1}{C} \sum_c R(Z_c), \quad
       R(Z) = \frac{1}{2} \log \det\left(I + \frac{1}{n \epsilon} Z^\top Z\right)

    Greater is better. It depends on the scale of the features, and grows with their
    number: it compares the layers of a network, and networks of like width.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the target's rows.
    y : array-like of shape (n_samples,)
        Their labels.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When the features are not finite numbers, the lengths differ, or y has one
        class or as many classes as rows.

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
    of_classes = [
        _rate(columns.of_rows(np.flatnonzero(codes == code)))
        for code in range(n_classes)
    ]
    return float(_rate(columns) - np.mean(of_classes))


def _rate(columns):
    gram = columns.gram()
    gram /= len(columns.rows) * _DISTORTION
    gram.flat[:: len(gram) + 1] += 1
    return 0.5 * np.linalg.slogdet(gram).logabsdet
