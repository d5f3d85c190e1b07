"""GuardedInfoMaxScorer: InfoMax, but only where a model of the source fails."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods

from sktransfer._random import make_rng
from sktransfer._statistics import mutual_information
from sktransfer.adaptation.class_prior import class_prior
from sktransfer.adaptation.label_shift_checks import estimate_on_fold, mean_estimate
from sktransfer.model_selection._scorer import CONSTRAINTS, BaseDomainScorer

_N_SPLITS = 2
# A model of the source fails on the target if its uncertainty rises by this factor and
# by so much. The models learn from few samples, so they are not certain on the source.
_MIN_UNCERTAINTY_RATIO, _MIN_CONFIDENCE_DROP = 2.0, 0.01


class GuardedInfoMaxScorer(BaseDomainScorer):
    r"""InfoMax where a model of the source fails on the target; else no change.

    This is the scorer to try first. `InfoMaxScorer` prefers predictions on the target
    that are certain and equally frequent, also where there was nothing to mend. So this
    scorer first asks whether a model of the source fails on the target. It trains two
    models, each on one half of the source samples of the test set, without the target.
    Their probabilities are calibrated on the other half. The models fail if

    - their uncertainty on the target, 1 minus the mean of the greatest probability, is
      at least 2 times that on the source, and higher by 0.01; and
    - another class prior of the target does not explain how the predictions differ, as
      in the first check of :class:`~sktransfer.adaptation.LabelShift`.

    Then the score is that of `InfoMaxScorer`, divided by :math:`\log C` with C classes.
    Otherwise it is the fraction of target samples for which the estimator predicts the
    same class as the mean of the two models. So a search chooses what changes the
    predictions least, such as "source_only". All candidates of a search get the same
    answer on the same test set.

    A shift that leaves a model as certain as before is not seen, and a search gains
    nothing there.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Classifier with `predict_proba` to clone and train on the source. None is the
        estimator that is scored, without adaptation. Use another one if that takes long
        to train.
    random_state : int, RandomState instance or None, default=0
        Seed of the halves. With an int, they are the same for all candidates of a
        search.
    sample_domain : callable or None, default=None
        Function of X that returns the domain of each sample. Only needed without
        metadata routing.

    See Also
    --------
    InfoMaxScorer : Does not ask.
    EnsembleAgreement : Compares the candidates with each other.

    References
    ----------
    .. [1] Shi & Sha (2012). Information-Theoretical Learning of Discriminative Clusters
       for Unsupervised Domain Adaptation. ICML. arXiv:1206.6438

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sktransfer.datasets import make_shifted_classification
    >>> from sktransfer.model_selection import GuardedInfoMaxScorer
    >>> X, y, sample_domain = make_shifted_classification(random_state=0)
    >>> model = LogisticRegression().fit(X[sample_domain >= 0], y[sample_domain >= 0])
    >>> 0 <= GuardedInfoMaxScorer()(model, X, y, sample_domain) <= 1
    True
    """

    _parameter_constraints = CONSTRAINTS | {
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "random_state": ["random_state"],
    }
    _min_source = 4

    def __init__(self, *, estimator=None, random_state=0, sample_domain=None):
        self.estimator = estimator
        self.random_state = random_state
        self.sample_domain = sample_domain

    def _score(self, estimator, samples):
        proba = samples.predict_proba(estimator, samples.X_target)
        source = _without_adaptation(
            estimator if self.estimator is None else self.estimator
        )
        seed = int(make_rng(self.random_state).integers(2**31))
        classes, estimate, source_proba = _evidence(source, samples, seed)
        ratio, drop = estimate.uncertainty_ratio, estimate.confidence_drop
        if (
            ratio >= _MIN_UNCERTAINTY_RATIO
            and drop >= _MIN_CONFIDENCE_DROP
            and not estimate.is_plausible
        ):
            return mutual_information(proba) / np.log(proba.shape[1])
        predicted = samples.predict(estimator, samples.X_target)
        return np.mean(predicted == classes[source_proba.argmax(axis=1)])


def _without_adaptation(estimator):
    """Return a clone that learns from the source alone."""
    source = clone(estimator)
    final = source[-1] if isinstance(source, Pipeline) else source
    changes = {"method": "source_only", "target_labels": "ignore"}
    if changes.keys() <= final.get_params().keys():
        final.set_params(**changes)
    return source


def _evidence(source, samples, seed):
    """Train on both halves of the source.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Classes of the source.
    estimate : LabelShiftEstimate
        Class prior of the target, and confidences.
    target_proba : ndarray of shape (n_target, n_classes)
        Mean probabilities of the target samples.
    """
    classes, y = np.unique(samples.y_source, return_inverse=True)
    if np.bincount(y).max() < _N_SPLITS or len(classes) < 2:
        raise ValueError(
            "GuardedInfoMaxScorer trains on halves of the source samples of the test "
            f"set; got {len(y)} samples of {len(classes)} classes. Expected two classes "
            "or more, and two samples of one of them."
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
    return classes, mean_estimate(prior, results), np.mean(target_proba, axis=0)


def _columns(proba, model_classes, classes):
    """Return probabilities with a column for each class, 0 for unknown ones."""
    columns = np.zeros((len(proba), len(classes)))
    columns[:, np.searchsorted(classes, model_classes)] = proba
    return columns
