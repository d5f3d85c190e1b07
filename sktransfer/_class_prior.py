"""Class priors: estimated from predictions, and predictions corrected for them."""

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax

_MAX_ITER = 10_000
_TOL = 1e-8
_MIN_SLOPE = 1e-3


def class_prior(y, sample_weight, n_classes):
    """Compute the weighted fraction of each class.

    Parameters
    ----------
    y : ndarray of shape (n,), int
        Class indices.
    sample_weight : ndarray of shape (n,)
        Weights.
    n_classes : int
        Number of classes.

    Returns
    -------
    ndarray of shape (n_classes,), float64
        Sums to 1.
    """
    total = np.bincount(y, sample_weight, minlength=n_classes)
    return total / total.sum()


def prior_ratio(target_prior, source_prior):
    """Divide class priors of the target by those of the source.

    Parameters
    ----------
    target_prior, source_prior : ndarray of shape (n_classes,)
        Class priors.

    Returns
    -------
    ndarray of shape (n_classes,), float64
        1 for a class that the source does not have.
    """
    return np.divide(
        target_prior,
        source_prior,
        out=np.ones_like(source_prior),
        where=source_prior > 0,
    )


def calibrate(logits, y, sample_weight):
    r"""Fit a temperature and class biases to samples that were not trained on.

    They minimize the weighted cross-entropy of
    :math:`\mathrm{softmax}(g / T + b)`. A small penalty on b, with the weight of one
    sample, keeps the bias of a class without samples finite.

    Parameters
    ----------
    logits : ndarray of shape (n, n_classes)
        Logits g.
    y : ndarray of shape (n,), int
        Class indices.
    sample_weight : ndarray of shape (n,)
        Weights.

    Returns
    -------
    slope : float
        1 / T, above 0.
    bias : ndarray of shape (n_classes,)
        b; sums to 0.
    """
    n, n_classes = logits.shape
    weight = sample_weight / sample_weight.sum()
    is_class = np.eye(n_classes)[y]

    def objective(parameters):
        slope, bias = parameters[0], parameters[1:]
        log_proba = log_softmax(slope * logits + bias, axis=1)
        loss = -weight @ (is_class * log_proba).sum(axis=1) + bias @ bias / (2 * n)
        error = weight[:, None] * (np.exp(log_proba) - is_class)
        gradient = np.r_[np.sum(error * logits), error.sum(axis=0) + bias / n]
        return loss, gradient

    result = minimize(
        objective,
        np.r_[1.0, np.zeros(n_classes)],
        jac=True,
        method="L-BFGS-B",
        bounds=[(_MIN_SLOPE, None), *[(None, None)] * n_classes],
        options={"ftol": 1e-12, "gtol": 1e-7},
    )
    return result.x[0], result.x[1:] - result.x[1:].mean()


def estimate_prior_em(target_proba, source_prior):
    r"""Estimate the class prior of the target by expectation maximization.

    The estimate q starts from the prior :math:`\pi` of the source. Each step corrects
    the probabilities of the target samples for q, and averages them [1]_:

    .. math:: q_c \leftarrow \frac{1}{n} \sum_i
       \frac{p_{ic} q_c / \pi_c}{\sum_k p_{ik} q_k / \pi_k}

    Each step raises the likelihood of the target samples. The method assumes that each
    class has the same distribution in both domains, and that the probabilities are
    calibrated on the source.

    Parameters
    ----------
    target_proba : ndarray of shape (n, n_classes)
        Class probabilities of the target samples by a model of the source.
    source_prior : ndarray of shape (n_classes,)
        Class prior of the source, above 0.

    Returns
    -------
    ndarray of shape (n_classes,), float64
        Sums to 1.

    References
    ----------
    .. [1] Saerens, Latinne & Decaestecker (2002). Adjusting the Outputs of a Classifier
       to New a Priori Probabilities. Neural Computation 14(1).
    """
    prior = np.asarray(source_prior, dtype=np.float64)
    for _ in range(_MAX_ITER):
        updated = correct_proba(target_proba, source_prior, prior).mean(axis=0)
        has_converged = np.abs(updated - prior).max() < _TOL
        prior = updated
        if has_converged:
            break
    return prior / prior.sum()


def estimate_prior_bbse(target_predicted, source_predicted, source_y, n_classes):
    r"""Estimate the class prior of the target from the errors on the source.

    :math:`C_{jc}` is the fraction of source samples of class c that are predicted as
    j, and :math:`\mu_j` is the fraction of target samples predicted as j. The weights
    w of the classes solve :math:`C w = \mu` [1]_, by least squares with no weight
    below 0. The estimate is proportional to w times the class prior of the source.

    Parameters
    ----------
    target_predicted : ndarray of shape (n_target,), int
        Predicted classes of target samples.
    source_predicted, source_y : ndarray of shape (n_source,), int
        Predicted and true classes of source samples that the classifier was not
        trained on.
    n_classes : int
        Number of classes.

    Returns
    -------
    ndarray of shape (n_classes,), float64
        Sums to 1.

    References
    ----------
    .. [1] Lipton, Wang & Smola (2018). Detecting and Correcting for Label Shift with
       Black Box Predictors. ICML. arXiv:1802.03916
    """
    confusion = np.zeros((n_classes, n_classes))
    np.add.at(confusion, (source_predicted, source_y), 1 / len(source_y))
    predicted = np.bincount(target_predicted, minlength=n_classes)
    weights, _ = nnls(confusion, predicted / len(target_predicted))
    prior = weights * confusion.sum(axis=0)
    return prior / prior.sum()


def correct_proba(proba, source_prior, target_prior):
    """Correct class probabilities for another class prior, by Bayes' rule.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        Class probabilities.
    source_prior, target_prior : ndarray of shape (n_classes,)
        Class prior of the training samples, above 0, and of the samples of `proba`.

    Returns
    -------
    ndarray of shape (n, n_classes)
        Each row sums to 1.
    """
    weighted = proba * (target_prior / np.asarray(source_prior))
    return weighted / weighted.sum(axis=1, keepdims=True)
