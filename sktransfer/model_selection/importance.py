"""Scorers that weight the source's rows by how likely they are in the target."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import StrOptions

from sktransfer._random import make_rng
from sktransfer.model_selection._features import features_of
from sktransfer.model_selection._scorer import (
    CONSTRAINTS,
    LabelFreeScorer,
    predict,
)


class ImportanceWeightedScorer(LabelFreeScorer):
    r"""Accuracy on the source, weighted by how likely each row is in the target.

    With f the features, y the labels and w the weights of the source's rows, which
    sum to 1, the score is [1]_

    .. math:: \sum_i w_i \, [\hat y_i = y_i], \quad
       w_i \propto \frac{p_{target}(f_i)}{p_{source}(f_i)}

    It is right where the target lies within the source and a row means the same in
    both. The ratio is that of the probabilities of a logistic regression that tells
    target from source, each row's by a model that has not seen it.

    Features are those of the network's feature layer; of a pipeline, those that reach
    its last step; of any other classifier X.

    Parameters
    ----------
    metric : callable, default=accuracy_score
        Function ``metric(y_true, y_pred, sample_weight=...)``; greater is better.
    random_state : int, RandomState instance or None, default=0
        Seed of the folds in which weights are estimated. An int gives each candidate
        of a search the same folds.
    sample_domain : callable or None, default=None
        Function of X that gives the domains of its rows, for use without metadata
        routing.

    See Also
    --------
    DeepEmbeddedValidation : Loss instead of accuracy, with less variance.

    References
    ----------
    .. [1] Sugiyama, Krauledat & Mueller (2007). Covariate Shift Adaptation by
       Importance Weighted Cross Validation. JMLR 8.
    """

    _parameter_constraints = CONSTRAINTS | {
        "metric": [callable],
        "random_state": ["random_state"],
    }
    _min_source = _min_target = 2

    def __init__(self, *, metric=accuracy_score, random_state=0, sample_domain=None):
        self.metric = metric
        self.random_state = random_state
        self.sample_domain = sample_domain

    def _score(self, estimator, rows):
        y, predicted = rows.y_source, predict(estimator, rows.X_source)
        log_ratio = log_density_ratio(estimator, rows, self.random_state)
        weights = np.exp(log_ratio - log_ratio.max())
        return self.metric(y, predicted, sample_weight=weights / weights.sum())


class DeepEmbeddedValidation(LabelFreeScorer):
    r"""Minus the loss on the target, as estimated from the source with less variance.

    With l the losses of the source's rows and w their weights, the ratio of target to
    source density of their features, the score is minus the risk [1]_

    .. math:: \overline{w l} + \eta \, \overline{w} - \eta, \quad
       \eta = -\frac{\mathrm{Cov}(w l, w)}{\mathrm{Var}(w)}

    where a bar is a mean over the rows: as the mean of w should be 1, its deviation
    corrects the estimate (a control variate). With equal weights eta is 0.

    Weights are as in `ImportanceWeightedScorer`, but not normalized.

    Parameters
    ----------
    loss : {"log_loss", "zero_one"}, default="log_loss"
        Minus the logarithm of the probability of the right class, or 1 for a wrong
        prediction and 0 for a right one.
    random_state : int, RandomState instance or None, default=0
        Seed of the folds in which weights are estimated. An int gives each candidate
        of a search the same folds.
    sample_domain : callable or None, default=None
        Function of X that gives the domains of its rows, for use without metadata
        routing.

    References
    ----------
    .. [1] You et al. (2019). Towards Accurate Model Selection in Deep Unsupervised
       Domain Adaptation. ICML, PMLR 97.
    """

    _parameter_constraints = CONSTRAINTS | {
        "loss": [StrOptions({"log_loss", "zero_one"})],
        "random_state": ["random_state"],
    }
    _min_source = _min_target = 2

    def __init__(self, *, loss="log_loss", random_state=0, sample_domain=None):
        self.loss = loss
        self.random_state = random_state
        self.sample_domain = sample_domain

    def _score(self, estimator, rows):
        if self.loss == "zero_one":
            losses = (predict(estimator, rows.X_source) != rows.y_source).astype(float)
        else:
            losses = _log_losses(estimator, rows)
        log_ratio = log_density_ratio(estimator, rows, self.random_state)
        # Below what overflows when squared.
        weights = np.exp(np.minimum(log_ratio, 300))
        covariance = np.cov(weights * losses, weights)
        eta = -covariance[0, 1] / covariance[1, 1] if covariance[1, 1] > 0 else 0.0
        return -(np.mean(weights * losses) + eta * np.mean(weights) - eta)


def log_density_ratio(estimator, rows, random_state):
    """Estimate log p_target(f) / p_source(f) of the source's features.

    Parameters
    ----------
    estimator : classifier
        Fitted; its features are taken.
    rows : ScoredRows
        Rows of both domains.
    random_state : int, RandomState instance or None
        Seed of the folds.

    Returns
    -------
    ndarray of shape (n_source,), float64
    """
    source = features_of(estimator, rows.X_source)
    target = features_of(estimator, rows.X_target)
    is_target = np.repeat([0, 1], [len(source), len(target)])
    folds = StratifiedKFold(
        min(5, len(source), len(target)),
        shuffle=True,
        random_state=int(make_rng(random_state).integers(2**31)),
    )
    log_odds = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        np.concatenate([source, target]).astype(np.float64),
        is_target,
        cv=folds,
        method="decision_function",
    )
    return log_odds[: len(source)] + np.log(len(source) / len(target))


def _log_losses(estimator, rows):
    """Log loss of each row of the source; of an unknown class the greatest."""
    proba, y = rows.predict_proba(estimator, rows.X_source), rows.y_source
    right = y[:, None] == np.asarray(estimator.classes_)
    return -np.log(np.maximum((proba * right).sum(axis=1), np.finfo(float).eps))
