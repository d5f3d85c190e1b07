"""Shares of classes: estimated from predictions, and predictions corrected for them."""

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax

_MAX_ITER = 10_000
_TOL = 1e-8
_MIN_SLOPE = 1e-3


def class_shares(y, sample_weight, n_classes):
    """Compute the weighted share of each class, an ndarray of shape (n_classes,)."""
    total = np.bincount(y, sample_weight, minlength=n_classes)
    return total / total.sum()


def calibrate(logits, y, sample_weight):
    r"""Fit a temperature and class biases to rows that were not trained on.

    They minimize the weighted cross-entropy of
    :math:`\mathrm{softmax}(g / T + b)`; a penalty on b that is worth one row keeps
    the bias of a class without rows finite.

    Parameters
    ----------
    logits : ndarray of shape (n, n_classes)
        Class scores g.
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
    r"""Estimate the target's class shares by expectation maximization.

    Starting from the source's shares :math:`\pi`, the probabilities of the target's
    rows are reweighted by the shares q found so far, and averaged [1]_:

    .. math:: q_c \leftarrow \frac{1}{n} \sum_i
       \frac{p_{ic} q_c / \pi_c}{\sum_k p_{ik} q_k / \pi_k}

    Each step raises the likelihood of the target's rows. It is right when classes look
    alike in both domains and the probabilities are calibrated on the source.

    Parameters
    ----------
    target_proba : ndarray of shape (n, n_classes)
        Class probabilities of target rows by a source model.
    source_prior : ndarray of shape (n_classes,)
        Class shares of the source, above 0.

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
        updated = reweight_proba(target_proba, source_prior, prior).mean(axis=0)
        converged = np.abs(updated - prior).max() < _TOL
        prior = updated
        if converged:
            break
    return prior / prior.sum()


def estimate_prior_bbse(target_predicted, source_predicted, source_y, n_classes):
    r"""Estimate the target's class shares from how a classifier errs on the source.

    With the confusion matrix :math:`C_{jc}`, the share of source rows of class c that
    are predicted as j, and :math:`\mu_j`, the share of target rows predicted as j, the
    weights w of the classes solve :math:`C w = \mu` [1]_; by least squares, with none
    below 0. The shares are proportional to w times those of the source.

    Parameters
    ----------
    target_predicted : ndarray of shape (n_target,), int
        Predicted classes of target rows.
    source_predicted, source_y : ndarray of shape (n_source,), int
        Predicted and true classes of source rows that the classifier was not trained
        on.
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


def reweight_proba(proba, source_prior, target_prior):
    """Give class probabilities for other class shares than those trained with.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        Class probabilities.
    source_prior, target_prior : ndarray of shape (n_classes,)
        Class shares of the training rows, above 0, and of the rows at hand.

    Returns
    -------
    ndarray of shape (n, n_classes)
        Rows sum to 1.
    """
    weighted = proba * (target_prior / np.asarray(source_prior))
    return weighted / weighted.sum(axis=1, keepdims=True)
