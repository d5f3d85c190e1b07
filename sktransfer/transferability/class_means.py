"""H-score: how much of the features' spread is between the classes."""

import numpy as np
from sklearn.utils._param_validation import StrOptions, validate_params

from sktransfer.transferability._checks import check_features
from sktransfer.transferability._moments import Columns, Spectrum


@validate_params(
    {"shrinkage": [StrOptions({"auto"}), None]}, prefer_skip_nested_validation=True
)
def h_score(features, y, *, shrinkage="auto"):
    r"""Spread of the classes' means, relative to that of all features.

    With the covariance :math:`\Sigma` of the features f, the covariance
    :math:`\Sigma_b` of the mean of each row's class, and shrinkage
    :math:`\lambda` [1]_ [2]_:

    .. math:: \operatorname{tr}\left(\Sigma_\lambda^{-1}
       (1 - \lambda) \Sigma_b\right), \quad
       \Sigma_\lambda = (1 - \lambda) \Sigma
       + \lambda \frac{\operatorname{tr} \Sigma}{d} I

    Greater is better; it is between 0 and the number of classes less 1.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the target's rows.
    y : array-like of shape (n_samples,)
        Their labels.
    shrinkage : {"auto", None}, default="auto"
        "auto" takes the :math:`\lambda` of Ledoit and Wolf, as in [2]_; None is 0, as
        in [1]_, with the pseudo-inverse. With as many columns as rows None gives its
        greatest value to any features.

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
    .. [1] Bao et al. (2019). An Information-Theoretic Approach to Transferability in
       Task Transfer Learning. ICIP.
    .. [2] Ibrahim, Ponomareva & Mazumder (2021). Newer is Not Always Better: Rethinking
       Transferability Metrics, Their Peculiarities, Stability and Performance.
       arXiv:2110.06893

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktransfer.transferability import h_score
    >>> X, y = load_iris(return_X_y=True)
    >>> 2 > h_score(X, y) > h_score(X[:, :2], y) > 0
    True
    """
    features, codes, n_classes = check_features(features, y)
    columns = Columns(features)
    if shrinkage is None:
        # Changes nothing, but tells small columns from rounding.
        columns.divide_by_deviation()
    else:
        columns.divide_by_greatest()
    spectrum = Spectrum(columns)
    if not len(spectrum.values):
        return 0.0
    amount = 0.0 if shrinkage is None else _ledoit_wolf(columns, spectrum.values)
    n, d = columns.shape
    own = (1 - amount) * spectrum.values / n
    added = amount * spectrum.values.sum() / (n * d)
    parts = np.square(spectrum.class_parts(codes, n_classes))
    between = np.sum(parts / np.bincount(codes), axis=1)
    return float(np.sum(own / (own + added) * between))


def _ledoit_wolf(columns, values):
    """Find the shrinkage of Ledoit & Wolf (2004).

    Parameters
    ----------
    columns : Columns
        Centered.
    values : ndarray
        Their squared singular values.

    Returns
    -------
    float
    """
    n, d = columns.shape
    fourth = sum(
        np.square(np.square(block).sum(axis=1)).sum()
        for _, block in columns.row_blocks()
    )
    squared_norm = np.sum(np.square(values / n))
    error = (fourth / n - squared_norm) / n
    distance = squared_norm - np.square(values.sum() / n) / d
    if distance <= 0:
        # One column, or columns that vary alike: there is nothing to shrink.
        return 0.0
    return min(error, distance) / distance
