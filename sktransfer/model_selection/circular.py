"""CircularValidation: from the source to the target and back."""

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from sktransfer.model_selection._scorer import (
    CONSTRAINTS,
    LabelFreeScorer,
    predict,
)


class CircularValidation(LabelFreeScorer):
    r"""How well a model trained on the predictions for the target does on the source.

    A clone of the estimator is trained on the target's test rows, with the estimator's
    predictions as their labels, and predicts the source's test rows. The score is [1]_

    .. math:: \mathrm{metric}(y_{source}, \hat g(x_{source})), \quad
       \hat g \text{ trained on } (x_{target}, \hat h(x_{target}))

    An estimator whose fit takes sample_domain is trained with source and target
    swapped, and so adapts to the source. With one class predicted for the target,
    that class is predicted for the source.

    Parameters
    ----------
    estimator : classifier or None, default=None
        What is cloned instead of the estimator that is scored, for example one that
        is quicker to train.
    metric : callable, default=balanced_accuracy_score
        Function ``metric(y_true, y_pred)`` of the source's labels; greater is better.
    sample_domain : callable or None, default=None
        Function of X that gives the domains of its rows, for use without metadata
        routing.

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

    def _score(self, estimator, rows):
        y_source, pseudo_labels = rows.y_source, predict(estimator, rows.X_target)
        if len(np.unique(pseudo_labels)) == 1:
            back = np.full(len(y_source), pseudo_labels[0])
        else:
            backward = clone(estimator if self.estimator is None else self.estimator)
            _fit_backward(backward, rows, pseudo_labels)
            back = predict(backward, rows.X_source)
        return self.metric(y_source, back)


def _fit_backward(estimator, rows, pseudo_labels):
    """Fit on the target as the source; on the source as the target where possible."""
    takes_domain = has_fit_parameter(
        estimator, "sample_domain"
    ) or get_routing_for_object(estimator).consumes("fit", ["sample_domain"])
    if not takes_domain:
        estimator.fit(rows.X_target, pseudo_labels)
        return
    name = "sample_domain"
    if isinstance(estimator, Pipeline) and not get_config()["enable_metadata_routing"]:
        name = f"{estimator.steps[-1][0]}__{name}"
    numeric = pseudo_labels.dtype.kind in "iuf"
    y = np.full(len(rows.domains), np.nan if numeric else None)
    y[~rows.is_source] = pseudo_labels
    # Each domain keeps a number of its own: 0, 1, ... and -1, -2, ... change places.
    estimator.fit(rows.X, y, **{name: -1 - rows.domains})
