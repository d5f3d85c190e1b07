"""Scorers that weight source samples by the density ratio of target to source."""

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils._param_validation import StrOptions

from sktransfer._pipelines import compute_features
from sktransfer._random import make_rng
from sktransfer._statistics import density_ratio, true_class_proba
from sktransfer.model_selection._scorer import CONSTRAINTS, BaseDomainScorer


class ImportanceWeightedScorer(BaseDomainScorer):
    r"""Accuracy on the source, weighted by the density ratio of target to source.

    With f the features, y the labels and w the weights of the source samples, which
    sum to 1, the score is [1]_

    .. math:: \sum_i w_i \, [\hat y_i = y_i], \quad
       w_i \propto \frac{p_{target}(f_i)}{p_{source}(f_i)}

    It is valid under covariate shift: the source has samples wherever the target has,
    and the class probabilities given a sample are the same in both domains. A
    logistic regression that separates target from source estimates the density ratio;
    the ratio of a sample comes from a model that was not trained on it.

    Features are the output of the network's feature layer; for the backbone "tabular",
    log-probabilities of its classes. For any other classifier they are X, as it
    reaches the last step of a pipeline.

    Parameters
    ----------
    metric : callable, default=accuracy_score
        Function ``metric(y_true, y_pred, sample_weight=...)``; greater is better.
    random_state : int, RandomState instance or None, default=0
        Seed of the folds for the density ratio. With an int, the folds are the same
        for all candidates of a search.
    sample_domain : callable or None, default=None
        Function of X that returns the domain of each sample. Only needed without
        metadata routing.

    See Also
    --------
    DeepEmbeddedValidation : Uses the loss, and has less variance.

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

    def _score(self, estimator, samples):
        y, predicted = samples.y_source, samples.predict(estimator, samples.X_source)
        weights = _density_ratio(estimator, samples, self.random_state)
        return self.metric(y, predicted, sample_weight=weights / weights.sum())


class DeepEmbeddedValidation(BaseDomainScorer):
    r"""Negative loss on the target, estimated from the source with reduced variance.

    With l the losses of the source samples and w their weights, the density ratio of
    target to source of their features, the score is the negative risk [1]_

    .. math:: \overline{w l} + \eta \, \overline{w} - \eta, \quad
       \eta = -\frac{\mathrm{Cov}(w l, w)}{\mathrm{Var}(w)}

    where a bar is the mean over the source samples. The mean of w should be 1; its
    deviation from 1 corrects the estimate (a control variate). With equal weights eta
    is 0.

    Weights are those of `ImportanceWeightedScorer`, but not normalized.

    Parameters
    ----------
    loss : {"log_loss", "zero_one"}, default="log_loss"
        "log_loss" is the negative logarithm of the probability of the true class;
        "zero_one" is 1 for a wrong prediction and 0 for a correct one.
    random_state : int, RandomState instance or None, default=0
        Seed of the folds for the density ratio. With an int, the folds are the same
        for all candidates of a search.
    sample_domain : callable or None, default=None
        Function of X that returns the domain of each sample. Only needed without
        metadata routing.

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

    def _score(self, estimator, samples):
        if self.loss == "zero_one":
            predicted = samples.predict(estimator, samples.X_source)
            losses = (predicted != samples.y_source).astype(float)
        else:
            proba = samples.predict_proba(estimator, samples.X_source)
            proba = true_class_proba(proba, samples.y_source, estimator.classes_)
            # A class that the estimator was not trained on has the greatest loss.
            losses = -np.log(np.maximum(proba, np.finfo(float).eps))
        weights = _density_ratio(estimator, samples, self.random_state)
        # The square of a greater weight would overflow.
        weights = np.minimum(weights, 1e130)
        covariance = np.cov(weights * losses, weights)
        eta = -covariance[0, 1] / covariance[1, 1] if covariance[1, 1] > 0 else 0.0
        return -(np.mean(weights * losses) + eta * np.mean(weights) - eta)


def _density_ratio(estimator, samples, random_state):
    """Estimate p_target / p_source of the features of the source samples."""
    source, target = (
        compute_features(estimator, X).astype(np.float64)
        for X in (samples.X_source, samples.X_target)
    )
    seed = int(make_rng(random_state).integers(2**31))
    return density_ratio(source, target, seed=seed)
