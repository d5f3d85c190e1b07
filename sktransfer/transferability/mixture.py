"""N-LEEP: LEEP with the components of a Gaussian mixture as source classes."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.utils._param_validation import validate_params

from sktransfer._random import make_rng
from sktransfer.transferability._checks import check_features
from sktransfer.transferability._moments import Spectrum
from sktransfer.transferability.expected_prediction import mean_log_likelihood

_VARIANCE = 0.8
_MAX_COMPONENTS = 64
_COMPONENTS_PER_CLASS = 5
_MAX_SAMPLES = 10_000


@validate_params({"random_state": ["random_state"]}, prefer_skip_nested_validation=True)
def nleep(features, y, *, random_state=0):
    """LEEP of a Gaussian mixture that is fitted to the features.

    Features are reduced to the principal components with 80 % of their variance. A
    Gaussian mixture with five components a class is fitted to them. The probabilities
    of its components replace those of source classes in :func:`leep` [1]_.

    Greater is better, and 0 is best. With few samples a component it is near 0 for any
    features.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the target samples.
    y : array-like of shape (n_samples,)
        Their labels.
    random_state : int, RandomState instance or None, default=0
        Seed of the initialization of the mixture.

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
    leep : For networks with a classification layer.

    Notes
    -----
    To bound time and memory, at most 64 principal components are used, and the mixture
    is fitted to at most 10,000 random samples; all samples count for the score. The
    mixture has no more components than samples.

    References
    ----------
    .. [1] Li et al. (2021). Ranking Neural Checkpoints. CVPR. arXiv:2011.11200

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktransfer.transferability import nleep
    >>> X, y = load_iris(return_X_y=True)
    >>> 0 > nleep(X, y) > nleep(X[:, :2], y)
    True
    """
    features, codes, n_classes = check_features(features, y)
    rng = make_rng(random_state)
    spectrum = Spectrum(features)
    if not len(spectrum.values):
        return mean_log_likelihood(np.ones((len(codes), 1)), codes, n_classes)
    variance = np.cumsum(spectrum.values)
    n_components = np.searchsorted(variance, _VARIANCE * variance[-1]) + 1
    components = spectrum.components(min(n_components, _MAX_COMPONENTS))
    # The mixture adds a constant to the variances, so their scale matters.
    components /= components.std()
    rows = components
    if len(rows) > _MAX_SAMPLES:
        rows = rows[rng.choice(len(rows), _MAX_SAMPLES, replace=False)]
    mixture = GaussianMixture(
        min(_COMPONENTS_PER_CLASS * n_classes, len(rows)),
        random_state=int(rng.integers(2**31)),
    )
    with warnings.catch_warnings():
        # A mixture near the optimum is enough, and equal samples need fewer components.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(rows)
    return mean_log_likelihood(mixture.predict_proba(components), codes, n_classes)
