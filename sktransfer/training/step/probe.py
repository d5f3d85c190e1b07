"""The linear probe: the head alone, solved to the optimum on frozen features."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from sktransfer._caches import Cache
from sktransfer.training.store.digests import array_digest

# Above this many coefficients the Hessian costs more than it saves.
_CHOLESKY_LIMIT = 300
# Newton steps may make another copy of the features; for more bytes than this a slower
# solver does without.
_NEWTON_BYTES = 1 << 28
# Candidates of a search that differ in what comes after the probe share it.
_probes = Cache("linear probes", 1 << 25)


def solve_head(features, y, sample_weight, n_classes, C):
    """Fit a linear classifier on features by multinomial logistic regression.

    The last solutions are kept for other fits on the same samples.

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
    C : float
        Inverse strength of the L2 penalty, on features of unit mean variance.

    Returns
    -------
    kernel : ndarray of shape (d, n_classes)
        Read-only, as is the bias.
    bias : ndarray of shape (n_classes,)
    """
    arrays = features, y, sample_weight
    key = *map(array_digest, arrays), n_classes, C
    return _probes.get(
        key,
        lambda: _solve(*arrays, n_classes, C),
        lambda head: sum(array.nbytes for array in head),
    )


# With more threads the last bits would depend on their number, and where cores are busy
# it takes longer.
@threadpool_limits.wrap(limits=1, user_api="blas")
def _solve(features, y, sample_weight, n_classes, C):
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
        basis = np.linalg.qr(scaled.T)[0]
        scaled = scaled @ basis
    if scaled.nbytes > _NEWTON_BYTES:
        how = {"solver": "lbfgs", "tol": 1e-5, "max_iter": 1000}
    elif (scaled.shape[1] + 1) * n_classes <= _CHOLESKY_LIMIT:
        how = {"solver": "newton-cholesky", "tol": 1e-10, "max_iter": 100}
    else:
        how = {"solver": "newton-cg", "tol": 1e-5, "max_iter": 100}
    solver = LogisticRegression(C=C, **how)
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
        kernel = basis @ kernel
    kernel = kernel / scale
    head = kernel, bias - mean @ kernel
    for array in head:
        array.flags.writeable = False
    return head


def new_head(n_features, n_classes, *, pretrained, rng):
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
