"""MixValScorer: predictions for mixtures of two target samples."""

import numbers

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import issparse
from sklearn.utils._param_validation import Interval

from sktransfer._random import make_rng
from sktransfer.model_selection._scorer import CONSTRAINTS, BaseDomainScorer


class MixValScorer(BaseDomainScorer):
    r"""Fraction of mixed target samples that are predicted as their larger part.

    With h(x) the predicted class, each target sample is paired with one of the same
    predicted class (is the cluster dense?) and with one of another predicted class
    (does the decision boundary lie between the clusters?). The score is the mean, over
    the two kinds of pairs, of the fraction [1]_ of pairs (a, b) with

    .. math:: h(\alpha x_a + (1 - \alpha) x_b) = h(x_a)

    A pair of the second kind also counts as (b, a). When only one class is predicted,
    the fraction of the second kind is 0, so a constant prediction is not rewarded.
    When no class is predicted twice, the score is the fraction of the second kind.

    Of a data frame the columns of numbers are mixed, with a missing value where either
    sample has one. Its other columns have the values of a.

    Parameters
    ----------
    alpha : float, default=0.55
        Weight of the first sample of a pair, between 0.5 and 1.
    random_state : int, RandomState instance or None, default=0
        Seed of the pairs. With an int, the draws are the same for all candidates of a
        search.
    sample_domain : callable or None, default=None
        Function of X that returns the domain of each sample. Only needed without
        metadata routing.

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

    def _score(self, estimator, samples):
        X, predicted = samples.X_target, samples.predict(estimator, samples.X_target)
        codes = np.unique(predicted, return_inverse=True)[1]
        rng = make_rng(self.random_state)
        fractions = []
        for first, second in (_same_class(codes, rng), _other_class(codes, rng)):
            if len(first):
                mixed = _mix(X, first, second, self.alpha)
                is_same = samples.predict(estimator, mixed) == predicted[first]
                fractions.append(np.mean(is_same))
        if codes.max() == 0:
            fractions.append(0.0)
        return np.mean(fractions)


def _same_class(codes, rng):
    """Pair each sample with the next of its class, in random order."""
    order = rng.permutation(len(codes))
    members = [order[codes[order] == code] for code in range(codes.max() + 1)]
    members = [indices for indices in members if len(indices) > 1]
    if not members:
        return order[:0], order[:0]
    return np.concatenate(members), np.concatenate([np.roll(m, 1) for m in members])


def _other_class(codes, rng):
    """Pair each sample with one drawn from the other classes, in both orders."""
    counts = np.bincount(codes)
    if len(counts) == 1:
        return codes[:0], codes[:0]
    by_class = np.argsort(codes, kind="stable")
    # Draw a position among the n - count others; skip those of the sample's own class.
    position = rng.integers(len(codes) - counts[codes])
    start = np.cumsum(counts) - counts
    position += np.where(position >= start[codes], counts[codes], 0)
    indices, others = np.arange(len(codes)), by_class[position]
    # A pair counts for the classes of both samples, also when one class is small.
    return np.concatenate([indices, others]), np.concatenate([others, indices])


def _mix(X, first, second, alpha):
    """Mix samples; the result is of the same kind as X."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return _mix_frame(frame, first, second, alpha)
    values = X.tocsr() if issparse(X) else np.asarray(X)
    if values.dtype.kind not in "biuf":
        raise TypeError(
            f"MixValScorer needs numbers to mix; X has the dtype {values.dtype}. "
            "Encode its columns, pass a data frame with some columns of numbers, or "
            "use another scorer."
        )
    return alpha * values[first] + (1 - alpha) * values[second]


def _mix_frame(frame, first, second, alpha):
    numeric = [name for name, dtype in frame.schema.items() if dtype.is_numeric()]
    if not numeric:
        raise TypeError(
            "MixValScorer needs numbers to mix; X is a data frame without a column of "
            f"numbers, with the columns {frame.columns}. Use another scorer."
        )
    one, other = (
        nw.maybe_reset_index(frame[indices.tolist()]) for indices in (first, second)
    )
    mixed = [alpha * one[name] + (1 - alpha) * other[name] for name in numeric]
    return one.with_columns(*mixed).to_native()
