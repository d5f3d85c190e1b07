"""The head alone, solved to the optimum on frozen features."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

# Inverse regularisation on features of unit mean variance; measured in the user guide.
PROBE_C = 0.1
# Above this many coefficients a Newton step costs more than it saves.
_NEWTON_LIMIT = 300
# It makes another copy of the features; for more bytes than this a slower solver does
# without.
_NEWTON_BYTES = 1 << 28


# With more threads the last bits would depend on their number, and where cores are busy
# it takes longer.
@threadpool_limits.wrap(limits=1, user_api="blas")
def solve_head(features, y, sample_weight, n_classes):
    """Fit a linear classifier on features by multinomial logistic regression.

    Parameters
    ----------
    features : ndarray of shape (n, d)
        Frozen features.
    y : ndarray of shape (n,), int
        Class indices; each of ``range(n_classes)`` must occur.
    sample_weight : ndarray of shape (n,)
        Weights.
    n_classes : int
        Number of classes, at least 2.

    Returns
    -------
    kernel : ndarray of shape (d, n_classes)
    bias : ndarray of shape (n_classes,)
    """
    # The one copy; all else is done in place.
    scaled = np.array(features, dtype=np.float64)
    shares = sample_weight / np.sum(sample_weight)
    mean = np.einsum("i,ij->j", shares, scaled)
    scaled -= mean
    variance = np.einsum("i,ij,ij->j", shares, scaled, scaled)
    # One scale for all: a spread of its own for each feature is too noisy to be
    # estimated from a few rows.
    scale = np.sqrt(variance.mean()) or 1.0
    scaled /= scale
    # The solution lies in the span of the rows; with few rows that is a small space.
    basis = None
    if scaled.shape[0] < scaled.shape[1]:
        basis = np.linalg.svd(scaled, full_matrices=False)[2]
        scaled = scaled @ basis.T
    newton = (
        scaled.nbytes <= _NEWTON_BYTES
        and (scaled.shape[1] + 1) * n_classes <= _NEWTON_LIMIT
    )
    solver = LogisticRegression(
        C=PROBE_C,
        solver="newton-cholesky" if newton else "lbfgs",
        tol=1e-10 if newton else 1e-5,
        max_iter=100 if newton else 1000,
    )
    with warnings.catch_warnings():
        # Where rounding ends the search before `tol` is met, it is at the optimum.
        warnings.simplefilter("ignore", ConvergenceWarning)
        solver.fit(scaled, y, sample_weight=sample_weight)
    kernel, bias = solver.coef_.T, solver.intercept_
    if n_classes == 2:
        # One column of differences becomes two of opposite sign.
        kernel = np.hstack([-kernel, kernel]) / 2
        bias = np.hstack([-bias, bias]) / 2
    if basis is not None:
        kernel = basis.T @ kernel
    kernel = kernel / scale
    return kernel, bias - mean @ kernel


def fresh_head(n_features, n_classes, *, pretrained, rng):
    """Make a head to train by gradient steps.

    On pretrained features it starts at zero: a random one, whose scores grow with the
    scale of the features, would distort them before it has learned anything.

    Parameters
    ----------
    n_features, n_classes : int
        Rows and columns of the kernel.
    pretrained : bool
        Whether the features were learned; otherwise the kernel is Glorot uniform.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    kernel : ndarray of shape (n_features, n_classes)
    bias : ndarray of shape (n_classes,)
    """
    limit = 0.0 if pretrained else np.sqrt(6 / (n_features + n_classes))
    return rng.uniform(-limit, limit, (n_features, n_classes)), np.zeros(n_classes)
