"""Estimate of a label shift, and three checks whether the shift is one."""

import warnings

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from sktransfer._class_prior import class_prior, prior_ratio
from sktransfer._label_shift import estimate_on_fold, mean_estimate
from sktransfer._statistics import domain_log_odds

# Under a label shift, a linear classifier of the domains has at most this area under
# the ROC curve when the source samples are weighted to the class prior of the target.
MAX_DOMAIN_AUC = 0.75
# The total variation of the class priors is at most so many times the distance between
# the predictions. If classes are hard to tell apart, small differences of the
# predictions become large differences of the class priors, and so do their errors.
MAX_AMPLIFICATION = 2.0
_MAX_SAMPLES = 2000


def estimate_label_shift(task, method, *, estimator="em", n_splits=2):
    """Estimate the class prior of the target with networks trained on the source.

    Parameters
    ----------
    task : DomainTask
        Trains the networks.
    method : AdaptationMethod
        Method that error messages name.
    estimator : {"em", "bbse"}, default="em"
        How the class prior is estimated.
    n_splits : int, default=2
        Number of networks, each trained without one fold of the source. The results
        are averaged.

    Returns
    -------
    LabelShiftEstimate
    """
    source_index = np.flatnonzero(task.source_domains >= 0)
    source = task.source.part(source_index)
    largest = np.bincount(source.y).max()
    if largest < n_splits:
        raise ValueError(
            f"method={method} splits the source into {n_splits} folds, and the largest "
            f"class of the source has {largest} samples. Expected at least {n_splits}. "
            "Use more labeled samples, or a method without folds, such as 'dan', 'mcc' "
            "or 'source_only'."
        )
    source_prior = class_prior(source.y, source.sample_weight, task.n_classes)
    seed = int(task.rng.integers(2**31))
    folds = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Some training folds have no sample of a class with fewer samples than folds.
        warnings.filterwarnings("ignore", "The least populated class")
        splits = list(folds.split(source.y, source.y))
    results = []
    for train, test in splits:
        fit = task.train(chosen=source_index[train])
        held_out = source.part(test)
        outputs = task.logits(fit, held_out), task.logits(fit, task.target)
        results.append(
            estimate_on_fold(
                *outputs, held_out.y, held_out.sample_weight, source_prior, estimator
            )
        )
    return mean_estimate(source_prior, results)


def domain_auc(task, fit, estimate):
    """Compute how well a linear classifier separates the domains, class prior aside.

    Parameters
    ----------
    task : DomainTask
        Holds the samples.
    fit : FitResult
        Network trained on the source. The classifier gets its features.
    estimate : LabelShiftEstimate
        Class prior to which the source samples are weighted.

    Returns
    -------
    float
        Area under the ROC curve: 0.5 for a pure label shift, 1 for domains that do not
        overlap.
    """
    rng = task.rng
    all_sources = task.source.part(task.source_domains >= 0)
    source, target = (
        samples.part(rng.permutation(len(samples))[:_MAX_SAMPLES])
        for samples in (all_sources, task.target)
    )
    log_odds = domain_log_odds(
        task.features(fit, source),
        task.features(fit, target),
        seed=int(rng.integers(2**31)),
    )
    ratio = prior_ratio(estimate.target_prior, estimate.source_prior)
    weight = source.sample_weight * ratio[source.y]
    return roc_auc_score(
        np.repeat([0, 1], [len(source), len(target)]),
        log_odds,
        sample_weight=np.concatenate([weight, np.ones(len(target))]),
    )
