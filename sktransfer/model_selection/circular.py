"""CircularValidation: train on target predictions, score on the source."""

import numpy as np
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score
from sklearn.utils._param_validation import HasMethods

from sktransfer._pipelines import sample_domain_name, uses_sample_domain
from sktransfer.model_selection._scorer import CONSTRAINTS, BaseDomainScorer


class CircularValidation(BaseDomainScorer):
    r"""Score, on the source, of a model trained on the predictions for the target.

    A clone of the estimator is trained on the target samples of the test set, with the
    estimator's predictions as pseudo-labels. It predicts the source samples of the
    test set. The score is [1]_

    .. math:: \mathrm{metric}(y_{source}, \hat g(x_{source})), \quad
       \hat g \text{ trained on } (x_{target}, \hat h(x_{target}))

    When `fit` of the estimator accepts `sample_domain`, the clone is trained with
    source and target exchanged, so it adapts to the source. When only one class is
    predicted for the target, that class is predicted for the source.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Estimator to clone and train; None is the estimator that is scored. Use
        another one when that takes long to train.
    metric : callable, default=balanced_accuracy_score
        Function ``metric(y_true, y_pred)`` of source labels; greater is better.
    sample_domain : callable or None, default=None
        Function of X that returns the domain of each sample. Only needed without
        metadata routing.

    References
    ----------
    .. [1] Bruzzone & Marconcini (2010). Domain Adaptation Problems: A DASVM
       Classification Technique and a Circular Validation Strategy. IEEE TPAMI 32(5).
    """

    _parameter_constraints = CONSTRAINTS | {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "metric": [callable],
    }
    _min_source = 1

    def __init__(
        self, *, estimator=None, metric=balanced_accuracy_score, sample_domain=None
    ):
        self.estimator = estimator
        self.metric = metric
        self.sample_domain = sample_domain

    def _score(self, estimator, samples):
        y_source = samples.y_source
        pseudo_labels = samples.predict(estimator, samples.X_target)
        if len(np.unique(pseudo_labels)) == 1:
            predicted = np.full(len(y_source), pseudo_labels[0])
        else:
            backward = clone(estimator if self.estimator is None else self.estimator)
            _fit_backward(backward, samples, pseudo_labels)
            predicted = samples.predict(backward, samples.X_source)
        return self.metric(y_source, predicted)


def _fit_backward(estimator, samples, pseudo_labels):
    """Fit with the target as the source; the source is the target, where possible."""
    if not uses_sample_domain(estimator):
        estimator.fit(samples.X_target, pseudo_labels)
        return
    is_numeric = pseudo_labels.dtype.kind in "iuf"
    y = np.full(len(samples.domains), np.nan if is_numeric else None)
    y[~samples.is_source] = pseudo_labels
    # Exchange 0, 1, ... with -1, -2, ..., so that each domain keeps its own number.
    domains = -1 - samples.domains
    estimator.fit(samples.X, y, **{sample_domain_name(estimator): domains})
