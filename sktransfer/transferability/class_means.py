"""H-score: variance between classes relative to the variance of all features."""

import numpy as np
from sklearn.utils._param_validation import StrOptions, validate_params

from sktransfer.transferability._checks import check_features
from sktransfer.transferability._moments import Spectrum


@validate_params(
    {"shrinkage": [StrOptions({"auto"}), None]}, prefer_skip_nested_validation=True
)
def h_score(features, y, *, shrinkage="auto"):
    r"""Variance of the class means, relative to the variance of all features.

    With the covariance :math:`\Sigma` of the features f, the covariance
    :math:`\Sigma_b` of the class means (each sample has the mean of its class), and
    shrinkage :math:`\lambda` [1]_ [2]_:

    .. math:: \operatorname{tr}\left(\Sigma_\lambda^{-1}
       (1 - \lambda) \Sigma_b\right), \quad
       \Sigma_\lambda = (1 - \lambda) \Sigma
       + \lambda \frac{\operatorname{tr} \Sigma}{d} I

    Greater is better; it is between 0 and the number of classes minus 1.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the target samples.
    y : array-like of shape (n_samples,)
        Their labels.
    shrinkage : {"auto", None}, default="auto"
        "auto" computes :math:`\lambda` by Ledoit and Wolf, as in [2]_. None is 0, as
        in [1]_, with the pseudo-inverse; with as many features as samples it gives
        the maximum score for any features.

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
    # Standardizing does not change the score without shrinkage. Small columns are then
    # not mistaken for rounding.
    spectrum = Spectrum(features, standardized=shrinkage is None)
    if not len(spectrum.values):
        return 0.0
    amount = 0.0 if shrinkage is None else _ledoit_wolf(spectrum)
    n, d = features.shape
    variances = (1 - amount) * spectrum.values / n
    added = amount * spectrum.values.sum() / (n * d)
    projections = np.square(spectrum.project_classes(codes, n_classes))
    between = np.sum(projections / np.bincount(codes), axis=1)
    return float(np.sum(variances / (variances + added) * between))


def _ledoit_wolf(spectrum):
    """Compute the shrinkage of Ledoit & Wolf (2004).

    Parameters
    ----------
    spectrum : Spectrum
        Singular values of centered columns.

    Returns
    -------
    float
    """
    values, (n, d) = spectrum.values, spectrum.columns.shape
    fourth = sum(
        np.square(np.square(block).sum(axis=1)).sum()
        for _, block in spectrum.columns.row_blocks()
    )
    squared_norm = np.sum(np.square(values / n))
    error = (fourth / n - squared_norm) / n
    distance = squared_norm - np.square(values.sum() / n) / d
    if distance <= 0:
        # One column, or equal variances: shrinkage changes nothing.
        return 0.0
    return min(error, distance) / distance
