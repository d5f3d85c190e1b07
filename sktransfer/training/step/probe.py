"""The linear probe: the head, solved to the optimum on frozen features."""

import warnings

import numpy as np
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from sktransfer._caches import Cache
from sktransfer._inputs.labels import repeat_few_labels
from sktransfer.training.store.digests import array_digest

# For more coefficients than this, the Hessian takes too long.
_CHOLESKY_LIMIT = 300
# Newton steps may copy the features. For more bytes than this, use a slower solver that
# does not.
_NEWTON_BYTES = 1 << 28
# Fits of a search that differ in other parameters share the probe.
_probes = Cache("linear probes", 1 << 25)


def solve_head(features, y, sample_weight, n_classes, C):
    """Fit a linear classifier on features by multinomial logistic regression.

    The last solutions are cached for other fits on the same samples.

    Parameters
    ----------
    features : ndarray of shape (n, d)
        Frozen features.
    y : ndarray of shape (n,), int
        Class indices. A class without samples gets a low probability everywhere.
    sample_weight : ndarray of shape (n,)
        Weights.
    n_classes : int
        Number of classes, at least 2.
    C : float
        Inverse strength of the L2 penalty, on features of unit mean variance.

    Returns
    -------
    kernel : ndarray of shape (d, n_classes)
        Read-only.
    bias : ndarray of shape (n_classes,)
        Read-only.
    """
    arrays = features, y, sample_weight
    key = *map(array_digest, arrays), n_classes, C
    return _probes.get(
        key,
        lambda: _solve(*arrays, n_classes, C),
        lambda head: sum(array.nbytes for array in head),
    )


# With more threads, the last bits would depend on their number.
@threadpool_limits.wrap(limits=1, user_api="blas")
def _solve(features, y, sample_weight, n_classes, C):
    # This is the only copy; the rest is in place.
    scaled = np.array(features, dtype=np.float64)
    weight = sample_weight / np.sum(sample_weight)
    mean = np.einsum("i,ij->j", weight, scaled)
    scaled -= mean
    variance = np.einsum("i,ij,ij->j", weight, scaled, scaled)
    # All features have one scale: a few samples are too few to estimate one for each.
    scale = np.sqrt(variance.mean()) or 1.0
    scaled /= scale
    # The solution lies in the span of the samples, a small space for few samples.
    basis = None
    if scaled.shape[0] < scaled.shape[1]:
        basis = np.linalg.qr(scaled.T)[0]
        scaled = scaled @ basis
    if scaled.nbytes > _NEWTON_BYTES:
        options = {"solver": "lbfgs", "tol": 1e-5, "max_iter": 1000}
    elif (scaled.shape[1] + 1) * n_classes <= _CHOLESKY_LIMIT:
        options = {"solver": "newton-cholesky", "tol": 1e-10, "max_iter": 100}
    else:
        options = {"solver": "newton-cg", "tol": 1e-5, "max_iter": 100}
    classes = np.unique(y)
    kernel, bias = np.zeros((scaled.shape[1], 1)), np.zeros(1)
    if len(classes) > 1:
        solver = LogisticRegression(C=C, **options)
        with warnings.catch_warnings():
            # A search that rounding ends before `tol` is reached is at the optimum.
            warnings.simplefilter("ignore", ConvergenceWarning)
            solver.fit(*repeat_few_labels(scaled, y, sample_weight))
        kernel, bias = solver.coef_.T, solver.intercept_
    if len(classes) == 2:
        # scikit-learn has one column of differences; make two of opposite sign.
        kernel = np.hstack([-kernel, kernel]) / 2
        bias = np.hstack([-bias, bias]) / 2
    if len(classes) < n_classes:
        kernel, bias = _add_classes(kernel, bias, classes, n_classes, len(y))
    if basis is not None:
        kernel = basis @ kernel
    kernel = kernel / scale
    head = kernel, bias - mean @ kernel
    for array in head:
        array.flags.writeable = False
    return head


def _add_classes(kernel, bias, classes, n_classes, n_samples):
    """Add outputs for classes without samples: the log odds of half a sample."""
    all_kernels = np.zeros((len(kernel), n_classes))
    all_biases = np.full(n_classes, logsumexp(bias) + np.log(0.5 / n_samples))
    all_kernels[:, classes], all_biases[classes] = kernel, bias
    return all_kernels, all_biases


def new_head(n_features, n_classes, *, pretrained, rng):
    """Make a head to train by gradient steps.

    On pretrained features it is zero at the start. A random head would change the
    features before it is trained.

    Parameters
    ----------
    n_features, n_classes : int
        Shape of the kernel.
    pretrained : bool
        Whether the backbone is pretrained. If not, the kernel is Glorot uniform.
    rng : numpy.random.Generator
        Random generator.

    Returns
    -------
    kernel : ndarray of shape (n_features, n_classes)
    bias : ndarray of shape (n_classes,)
    """
    limit = 0.0 if pretrained else np.sqrt(6 / (n_features + n_classes))
    return rng.uniform(-limit, limit, (n_features, n_classes)), np.zeros(n_classes)
