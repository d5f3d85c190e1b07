"""MixValScorer: whether predictions hold between rows of the target."""

import numbers

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._param_validation import Interval

from sktransfer._random import make_rng
from sktransfer.model_selection._scorer import (
    CONSTRAINTS,
    LabelFreeScorer,
    predict,
)


class MixValScorer(LabelFreeScorer):
    r"""Whether mixed rows of the target are predicted as the row they are most of.

    With h(x) the predicted class, each target row is paired with one of the same
    predicted class (is the cluster dense?) and with one of another (does the boundary
    lie between the clusters?). The score is the mean, over the two kinds, of the share
    [1]_ of the pairs (a, b), and of pairs of the second kind (b, a) too, with

    .. math:: h(\alpha x_a + (1 - \alpha) x_b) = h(x_a)

    When one class is predicted the share of the second kind is 0, so that collapse is
    not rewarded; when no class is predicted twice the second kind is the score.

    Parameters
    ----------
    alpha : float, default=0.55
        Share of the first row, between 0.5 and 1.
    random_state : int, RandomState instance or None, default=0
        Seed of the pairs. An int gives each candidate of a search the same draw.
    sample_domain : callable or None, default=None
        Function of X that gives the domains of its rows, for use without metadata
        routing.

    References
    ----------
    .. [1] Hu et al. (2023). Mixed Samples as Probes for Unsupervised Model Selection
       in Domain Adaptation. NeurIPS.
    """

    _parameter_constraints = CONSTRAINTS | {
        "alpha": [Interval(numbers.Real, 0.5, 1, closed="neither")],
        "random_state": ["random_state"],
    }
    _min_target = 2

    def __init__(self, *, alpha=0.55, random_state=0, sample_domain=None):
        self.alpha = alpha
        self.random_state = random_state
        self.sample_domain = sample_domain

    def _score(self, estimator, rows):
        X, predicted = rows.X_target, predict(estimator, rows.X_target)
        codes = np.unique(predicted, return_inverse=True)[1]
        rng = make_rng(self.random_state)
        shares = []
        for first, second in (_same_class(codes, rng), _other_class(codes, rng)):
            if len(first):
                mixed = _mix(X, first, second, self.alpha)
                shares.append(np.mean(predict(estimator, mixed) == predicted[first]))
        if codes.max() == 0:
            shares.append(0.0)
        return np.mean(shares)


def _same_class(codes, rng):
    """Pairs of each row with the next of its class, in random order."""
    order = rng.permutation(len(codes))
    members = [order[codes[order] == code] for code in range(codes.max() + 1)]
    members = [rows for rows in members if len(rows) > 1]
    if not members:
        return order[:0], order[:0]
    return np.concatenate(members), np.concatenate([np.roll(m, 1) for m in members])


def _other_class(codes, rng):
    """Pairs of each row with one drawn from the other classes, both ways round."""
    counts = np.bincount(codes)
    if len(counts) == 1:
        return codes[:0], codes[:0]
    by_class = np.argsort(codes, kind="stable")
    # A draw among n - count places, which skips the places of the row's own class.
    place = rng.integers(len(codes) - counts[codes])
    start = np.cumsum(counts) - counts
    place += np.where(place >= start[codes], counts[codes], 0)
    rows, others = np.arange(len(codes)), by_class[place]
    # A pair counts for the class of either row, however unlike in size they are.
    return np.concatenate([rows, others]), np.concatenate([others, rows])


def _mix(X, first, second, alpha):
    """Mixed rows, in a frame with the same columns if X is one."""
    values = X if issparse(X) else np.asarray(X)
    if values.dtype.kind not in "biuf":
        raise TypeError(
            "MixValScorer mixes rows, so X must be numeric; it has values of type "
            f"{values.dtype}. Encode its columns before, or use another scorer."
        )
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    if issparse(values):
        values = values.tocsr()
    mixed = alpha * values[first] + (1 - alpha) * values[second]
    if hasattr(X, "iloc"):
        return type(X)(mixed, columns=X.columns)
    if hasattr(X, "columns"):
        return type(X)(mixed, schema=list(X.columns))
    return mixed
