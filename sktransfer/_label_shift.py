"""A label shift, estimated from predictions on held-out source samples."""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from sktransfer._class_prior import (
    calibrate,
    estimate_prior_bbse,
    estimate_prior_em,
    prior_ratio,
)

# A label shift leaves at most this fraction of the difference between the domains when
# the source samples are weighted to the class prior of the target.
MAX_UNEXPLAINED = 0.7
# A model of the source fails on the target if its uncertainty rises by this factor and
# by so much. Models differ by orders of magnitude in how uncertain they are.
MIN_UNCERTAINTY_RATIO, MIN_CONFIDENCE_DROP = 2.0, 0.02
# Methods and scores that favor equal classes are trusted if the class prior of the
# source has at most this total variation from equal classes.
MAX_IMBALANCE = 0.15


@dataclass(frozen=True)
class LabelShiftEstimate:
    """Estimate of the class prior of the target.

    Attributes
    ----------
    source_prior, target_prior : ndarray of shape (n_classes,)
        Class prior of the source; the estimate for the target.
    slope : float
        1 / T of the calibration.
    bias : ndarray of shape (n_classes,)
        b of the calibration.
    distance : float
        Distance between the predicted probabilities of target samples and of source
        samples; see :func:`prediction_distance`.
    unexplained : float
        Distance between the predicted probabilities of target samples and of source
        samples that are weighted to `target_prior`, divided by the distance without
        weights. It is 0 for a pure label shift.
    source_confidence, target_confidence : float
        Mean of the greatest calibrated probability of source samples that were held
        aside, and of target samples.
    """

    source_prior: np.ndarray
    target_prior: np.ndarray
    slope: float
    bias: np.ndarray
    distance: float
    unexplained: float
    source_confidence: float
    target_confidence: float

    @property
    def confidence_drop(self):
        """Fall of the confidence from the source to the target."""
        return self.source_confidence - self.target_confidence

    @property
    def total_variation(self):
        """Total variation distance of the two class priors, from 0 to 1."""
        return np.abs(self.target_prior - self.source_prior).sum() / 2

    @property
    def imbalance(self):
        """Total variation of the class prior of the source from equal classes."""
        prior = self.source_prior
        return np.abs(prior - 1 / len(prior)).sum() / 2

    @property
    def amplification(self):
        """Distance of the class priors, divided by that of the predictions."""
        return self.total_variation / self.distance if self.distance else 0.0

    @property
    def uncertainty_ratio(self):
        """1 minus the confidence on the target, divided by that on the source."""
        # The smallest positive float is for a model that is certain on the source.
        uncertainty = max(1 - self.source_confidence, np.finfo(float).tiny)
        return (1 - self.target_confidence) / uncertainty

    @property
    def is_plausible(self):
        """Whether another class prior explains much of the change of predictions."""
        return self.unexplained <= MAX_UNEXPLAINED


def mean_estimate(source_prior, results):
    """Average the results of :func:`estimate_on_fold` to a LabelShiftEstimate."""
    target_prior, slope, bias, distances, confidence = (
        np.mean(values, axis=0) for values in zip(*results, strict=True)
    )
    unweighted, weighted = distances
    unexplained = weighted / unweighted if unweighted else 0.0
    return LabelShiftEstimate(
        source_prior, target_prior, slope, bias, unweighted, unexplained, *confidence
    )


def estimate_on_fold(
    logits, target_logits, y, sample_weight, source_prior, estimator="em"
):
    """Estimate with one model, calibrated on source samples it was not trained on.

    Parameters
    ----------
    logits, target_logits : ndarray of shape (n, n_classes)
        Logits of these source samples, and of target samples.
    y, sample_weight : ndarray of shape (n,)
        Class indices and weights of the source samples.
    source_prior : ndarray of shape (n_classes,)
        Class prior of the source.
    estimator : {"em", "bbse"}, default="em"
        How the class prior is estimated.

    Returns
    -------
    tuple
        Class prior of the target, slope and bias of the calibration, distances of the
        predictions without and with weights, and confidences on source and target.
    """
    has_class = source_prior > 0
    slope, bias = calibrate(logits, y, sample_weight)

    def calibrated_proba(logits):
        return softmax(np.where(has_class, slope * logits + bias, -np.inf), axis=1)

    proba = calibrated_proba(logits)
    target_proba = calibrated_proba(target_logits)
    if estimator == "em":
        target_prior = np.zeros(len(source_prior))
        target_prior[has_class] = estimate_prior_em(
            target_proba[:, has_class], source_prior[has_class]
        )
    else:
        target_prior = estimate_prior_bbse(
            target_proba.argmax(axis=1), proba.argmax(axis=1), y, len(source_prior)
        )
    shifted_weight = sample_weight * prior_ratio(target_prior, source_prior)[y]
    distances = [
        prediction_distance(proba, weight, target_proba)
        for weight in (sample_weight, shifted_weight)
    ]
    confidence = [np.average(proba.max(axis=1), weights=sample_weight)]
    confidence.append(target_proba.max(axis=1).mean())
    return target_prior, slope, bias, distances, confidence


def prediction_distance(proba, sample_weight, target_proba):
    """Compute the distance between the predictions for two sets of samples.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        Class probabilities of the first set.
    sample_weight : ndarray of shape (n,)
        Weights of the first set, not all 0.
    target_proba : ndarray of shape (n_target, n_classes)
        Class probabilities of the second set.

    Returns
    -------
    float
        Kolmogorov-Smirnov distance of the probabilities of a class; the largest over
        all classes. From 0 to 1.
    """
    distance = 0.0
    for column, target_column in zip(proba.T, target_proba.T, strict=True):
        order = np.argsort(column, kind="stable")
        cumulative = np.concatenate([[0.0], np.cumsum(sample_weight[order])])
        x = np.concatenate([column, target_column])
        position = np.searchsorted(column[order], x, side="right")
        cdf = cumulative[position] / cumulative[-1]
        target_position = np.searchsorted(np.sort(target_column), x, side="right")
        target_cdf = target_position / len(target_column)
        distance = max(distance, np.abs(cdf - target_cdf).max())
    return float(distance)
