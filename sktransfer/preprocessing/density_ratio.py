"""density_ratio_weights: how much more frequent source samples are in the target."""

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from sklearn.utils import check_array
from sklearn.utils._param_validation import StrOptions, validate_params

from sktransfer._inputs.domain_samples import check_target
from sktransfer._inputs.frames import check_same_columns
from sktransfer._random import make_rng
from sktransfer._statistics import density_ratio
from sktransfer.preprocessing._source_mapping import column_scales

# Of KMM: the largest weight, as in the experiments of the paper; and a ridge, without
# which few samples get all of the weight.
_MAX_WEIGHT, _RIDGE = 1000.0, 0.1
_MAX_CENTERS = 100
_WIDTHS = 2.0 ** np.arange(-2, 3)
_PENALTIES = 10.0 ** np.arange(-3, 2)
_N_FOLDS = 5


@validate_params(
    {
        "X": ["array-like"],
        "X_target": ["array-like", tuple],
        "method": [StrOptions({"logistic", "kmm", "ulsif"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def density_ratio_weights(X, X_target, *, method="logistic", random_state=0):
    r"""Compute weights of source samples for a classifier of the target.

    The weights estimate the ratio of the densities :math:`p_t(x) / p_s(x)`. Pass them
    to ``fit`` of any classifier as ``sample_weight``. They help if the target is a part
    of the source, and the classifier is too simple to fit all of the source.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples of the source.
    X_target : array-like of shape (n_target, n_features) or tuple
        Samples of the target, or a tuple of one such array.
    method : {"logistic", "kmm", "ulsif"}, default="logistic"
        How the ratio is estimated:

        - "logistic": by a cross-fitted logistic regression of the domain;
        - "kmm": kernel mean matching [1]_. The weighted source has nearly the mean of
          the target in the feature space of a Gaussian kernel. A ridge of 0.1 keeps the
          weights smooth;
        - "ulsif": least squares on Gaussian kernels at up to 100 target samples [2]_.
          Their width and the penalty are chosen by cross-validation.
    random_state : int, RandomState instance or None, default=0
        Seed of the folds and of the kernels.

    Returns
    -------
    ndarray of shape (n_samples,), float64
        Weights, 0 or more, with a mean of 1.

    See Also
    --------
    sktransfer.adaptation.Reweight : The same in the features of a network.

    References
    ----------
    .. [1] Huang et al. (2006). Correcting Sample Selection Bias by Unlabeled Data.
       NeurIPS.
    .. [2] Kanamori, Hido & Sugiyama (2009). A Least-squares Approach to Direct
       Importance Estimation. JMLR 10.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.preprocessing import density_ratio_weights
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.normal(size=(200, 1)), rng.normal(size=(100, 1)) + 2
    >>> weights = density_ratio_weights(X, X_target)
    >>> bool(weights[X[:, 0] > 1].mean() > 5 * weights[X[:, 0] < 0].mean())
    True
    """
    target = X_target[0] if isinstance(X_target, tuple) and X_target else X_target
    check_same_columns(target, X, "X_target", "X")
    X = check_array(X, dtype=np.float64, ensure_min_samples=2, input_name="X")
    X_target = check_target(
        lambda X: check_array(
            X, dtype=np.float64, ensure_min_samples=2, input_name="X_target"
        ),
        X_target,
        X,
        warns_of_length=False,
        warns_of_scale=False,
    )
    # The weights then do not depend on the units of the columns.
    center, scale = column_scales(np.concatenate([X, X_target]))
    X, X_target = (X - center) / scale, (X_target - center) / scale
    weights = _METHODS[method](X, X_target, make_rng(random_state))
    if not weights.sum() > 0:
        raise ValueError(
            f"method={method!r} gives all source samples the weight 0: no sample of X "
            "is like those of X_target. Use another method, or other samples."
        )
    return weights / weights.mean()


def _logistic(X, X_target, rng):
    return density_ratio(X, X_target, seed=int(rng.integers(2**31)))


def _kernel_mean_matching(X, X_target, rng):
    """Minimize the distance of the weighted means in the space of the kernel."""
    squared = cdist(X, X, "sqeuclidean")
    width = np.median(squared) or 1.0
    kernel = np.exp(-squared / width) + _RIDGE * np.eye(len(X))
    mean = np.exp(-cdist(X, X_target, "sqeuclidean") / width).mean(axis=1) * len(X)

    def objective(weights):
        product = kernel @ weights
        return weights @ product / 2 - mean @ weights, product - mean

    result = minimize(
        objective,
        np.ones(len(X)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, _MAX_WEIGHT)] * len(X),
    )
    return result.x


def _least_squares(X, X_target, rng):
    """Fit the ratio by kernels at target samples; the ratio is 0 or more."""
    centers = X_target[rng.permutation(len(X_target))[:_MAX_CENTERS]]
    distances = [cdist(rows, centers, "sqeuclidean") for rows in (X, X_target)]
    median = np.median(distances[1]) or 1.0
    n_folds = min(_N_FOLDS, len(X), len(X_target))
    folds = [rng.permutation(len(rows)) % n_folds for rows in (X, X_target)]

    def kernels(width):
        return [np.exp(-d / (width * median)) for d in distances]

    def error(width, penalty):
        total, parts = 0.0, kernels(width)
        for fold in range(n_folds):
            fitted, tested = (
                [k[(f == fold) == is_test] for k, f in zip(parts, folds, strict=True)]
                for is_test in (False, True)
            )
            alpha = _solve(*fitted, penalty)
            source, target = (part @ alpha for part in tested)
            total += np.mean(source**2) / 2 - np.mean(target)
        return total

    grid = [(width, penalty) for width in _WIDTHS for penalty in _PENALTIES]
    width, penalty = min(grid, key=lambda setting: error(*setting))
    source, target = kernels(width)
    return source @ _solve(source, target, penalty)


def _solve(source, target, penalty):
    gram = source.T @ source / len(source)
    alpha = np.linalg.solve(gram + penalty * np.eye(len(gram)), target.mean(axis=0))
    return np.maximum(alpha, 0)


_METHODS = {
    "logistic": _logistic,
    "kmm": _kernel_mean_matching,
    "ulsif": _least_squares,
}
