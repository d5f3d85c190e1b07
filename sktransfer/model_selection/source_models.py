"""Models of the source alone, and whether they fail on the target."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from sktransfer.adaptation.class_prior import class_prior
from sktransfer.adaptation.label_shift_checks import (
    MAX_IMBALANCE,
    estimate_on_fold,
    mean_estimate,
)

_N_SPLITS = 2
# A model of the source fails on the target if its uncertainty rises by this factor and
# by so much. The models learn from half of the source, so they are not certain there.
_MIN_UNCERTAINTY_RATIO, _MIN_CONFIDENCE_DROP = 2.0, 0.02


def predict_by_source(estimator, samples, seed):
    """Train on each half of the source; predict the target.

    Parameters
    ----------
    estimator : classifier
        Cloned. Its adaptation method, if it has one, is not used.
    samples : ScoredSamples
        Samples of both domains.
    seed : int
        Seed of the halves.

    Returns
    -------
    predicted : ndarray of shape (n_target,)
        Labels by the mean probabilities of the two models.
    fails : bool
        Whether the models are much less certain on the target than on the half of the
        source that they have not seen, the classes of the source have about the same
        size, and no other class prior explains the difference.
    """
    source = _without_adaptation(estimator)
    classes, y = np.unique(samples.y_source, return_inverse=True)
    if len(classes) < 2 or np.bincount(y).max() < _N_SPLITS:
        raise ValueError(
            f"The source has {len(y)} samples of {len(classes)} classes; expected two "
            "classes or more, and two samples of one of them, to train on its halves."
        )
    weight = np.ones(len(y))
    prior = class_prior(y, weight, len(classes))
    folds = StratifiedKFold(_N_SPLITS, shuffle=True, random_state=seed)
    results, target_proba = [], []
    with warnings.catch_warnings():
        # A class may have one sample; and there is no target.
        warnings.simplefilter("ignore", UserWarning)
        for train, test in folds.split(y, y):
            model = clone(source)
            model.fit(_safe_indexing(samples.X_source, train), samples.y_source[train])
            held_out, target = (
                _columns(samples.predict_proba(model, X), model.classes_, classes)
                for X in (_safe_indexing(samples.X_source, test), samples.X_target)
            )
            logits, target_logits = (
                np.log(np.maximum(p, np.finfo(float).tiny)) for p in (held_out, target)
            )
            results.append(
                estimate_on_fold(logits, target_logits, y[test], weight[test], prior)
            )
            target_proba.append(target)
    predicted = classes[np.mean(target_proba, axis=0).argmax(axis=1)]
    return predicted, _fails(mean_estimate(prior, results))


def _fails(estimate):
    return (
        estimate.uncertainty_ratio >= _MIN_UNCERTAINTY_RATIO
        and estimate.confidence_drop >= _MIN_CONFIDENCE_DROP
        and estimate.imbalance <= MAX_IMBALANCE
        and not estimate.is_plausible
    )


def _without_adaptation(estimator):
    """Return a clone that learns from the source alone."""
    source = clone(estimator)
    final = source[-1] if isinstance(source, Pipeline) else source
    changes = {"method": "source_only", "target_labels": "ignore"}
    if changes.keys() <= final.get_params().keys():
        final.set_params(**changes)
    return source


def _columns(proba, model_classes, classes):
    """Return probabilities with a column for each class, 0 for unknown ones."""
    columns = np.zeros((len(proba), len(classes)))
    columns[:, np.searchsorted(classes, model_classes)] = proba
    return columns
