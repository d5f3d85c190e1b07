"""The test of which shift it is: one of the classes' shares, or another."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.special import softmax
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from sktransfer.adaptation.methods._class_prior import (
    calibrate,
    class_shares,
    estimate_prior_bbse,
    estimate_prior_em,
)
from sktransfer.adaptation.methods.reweight import domain_log_odds

# Of a difference between domains that is taken for label shift, this share at most may
# be left when the classes' shares are made equal.
MAX_UNEXPLAINED = 0.7
# A linear classifier that tells the domains may then have this area under its curve.
MAX_SEPARABILITY = 0.75
_ROWS_OF_A_DOMAIN = 2000


class Shift(NamedTuple):
    """What is found out of a shift of the classes' shares.

    Attributes
    ----------
    source_prior, prior : ndarray of shape (n_classes,)
        Shares of the classes in the source; those estimated of the target.
    slope : float
        1 / T of the calibration.
    bias : ndarray of shape (n_classes,)
        b of the calibration.
    unexplained : float
        How far the predicted probabilities of the target's rows are from those of the
        source's rows reweighted to `prior`, as a share of how far they are without
        weights; 0 when a shift of the shares is all there is.
    """

    source_prior: np.ndarray
    prior: np.ndarray
    slope: float
    bias: np.ndarray
    unexplained: float

    @property
    def is_plausible(self):
        """Whether other shares explain much of how the target differs."""
        return self.unexplained <= MAX_UNEXPLAINED


def estimate_shift(task, method, *, estimator="em", n_splits=2):
    """Estimate the target's class shares with networks trained on parts of the source.

    Parameters
    ----------
    task : DomainTask
        Trains the networks.
    method : AdaptationMethod
        For error messages.
    estimator : {"em", "bbse"}, default="em"
        How the shares are estimated.
    n_splits : int, default=2
        Number of networks; the results are averaged.

    Returns
    -------
    Shift
    """
    of_source = np.flatnonzero(task.source_domains >= 0)
    source = task.source.part(of_source)
    largest = np.bincount(source.y).max()
    if largest < n_splits:
        raise ValueError(
            f"method={method} splits the source into {n_splits} parts; its largest "
            f"class has {largest} rows, and expected are at least as many as parts."
        )
    share = class_shares(source.y, source.sample_weight, task.n_classes)
    known = share > 0
    seed = int(task.rng.integers(2**31))
    folds = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class of fewer rows than splits is left out in some of them only.
        warnings.filterwarnings("ignore", "The least populated class")
        splits = list(folds.split(source.y, source.y))
    found, distances = [], []
    for kept, aside in splits:
        fit = task.train(chosen=of_source[kept])
        held_out = source.part(aside)
        scores = task.logits(fit, held_out)
        slope, bias = calibrate(scores, held_out.y, held_out.sample_weight)
        proba = _softmax_of(slope * scores + bias, known)
        target_proba = _softmax_of(slope * task.logits(fit, task.target) + bias, known)
        prior = np.zeros(task.n_classes)
        if estimator == "em":
            prior[known] = estimate_prior_em(target_proba[:, known], share[known])
        else:
            prior = estimate_prior_bbse(
                target_proba.argmax(axis=1),
                proba.argmax(axis=1),
                held_out.y,
                task.n_classes,
            )
        found.append((prior, slope, bias))
        weight = held_out.sample_weight
        ratio = np.divide(prior, share, out=np.ones_like(share), where=known)
        distances.append(
            [
                largest_step(proba, weights, target_proba)
                for weights in (weight, weight * ratio[held_out.y])
            ]
        )
    prior, slope, bias = (np.mean(v, axis=0) for v in zip(*found, strict=True))
    before, after = np.mean(distances, axis=0)
    return Shift(share, prior, slope, bias, after / before if before else 0.0)


def _softmax_of(scores, known):
    """Probabilities of the known classes; 0 of the others."""
    return softmax(np.where(known, scores, -np.inf), axis=1)


def largest_step(proba, sample_weight, target_proba):
    """Compute how far apart the probabilities of two sets of rows are.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        Probabilities of some rows.
    sample_weight : ndarray of shape (n,)
        Their weights, not all 0.
    target_proba : ndarray of shape (n_target, n_classes)
        Probabilities of others.

    Returns
    -------
    float
        The greatest difference of the two distribution functions of a class's
        probability (Kolmogorov and Smirnov's), over all classes; from 0 to 1.
    """
    largest = 0.0
    for of_rows, of_target in zip(proba.T, target_proba.T, strict=True):
        order = np.argsort(of_rows, kind="stable")
        summed = np.concatenate([[0.0], np.cumsum(sample_weight[order])])
        at = np.concatenate([of_rows, of_target])
        below = summed[np.searchsorted(of_rows[order], at, side="right")] / summed[-1]
        share = np.searchsorted(np.sort(of_target), at, side="right") / len(of_target)
        largest = max(largest, np.abs(below - share).max())
    return float(largest)


def separability(task, fit, shift):
    """Compute how well the domains are told apart beside the shares of the classes.

    Parameters
    ----------
    task : DomainTask
        The rows.
    fit : Fit
        A network trained on the source, on whose features they are told apart.
    shift : Shift
        The shares to which the rows of the source are reweighted.

    Returns
    -------
    float
        Area under the curve of a linear classifier: 0.5 when a shift of the shares is
        all there is, 1 when the domains do not overlap.
    """
    rng = task.rng
    source, target = (
        examples.part(rng.permutation(len(examples))[:_ROWS_OF_A_DOMAIN])
        for examples in (
            task.source.part(np.flatnonzero(task.source_domains >= 0)),
            task.target,
        )
    )
    log_odds = domain_log_odds(
        task.features(fit, source),
        task.features(fit, target),
        seed=int(rng.integers(2**31)),
    )
    ratio = np.divide(
        shift.prior,
        shift.source_prior,
        out=np.zeros(task.n_classes),
        where=shift.source_prior > 0,
    )
    weight = source.sample_weight * ratio[source.y]
    return roc_auc_score(
        np.repeat([0, 1], [len(source), len(target)]),
        log_odds,
        sample_weight=np.concatenate([weight, np.ones(len(target))]),
    )
