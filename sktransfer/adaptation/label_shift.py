"""Label shift: the shares of the classes in the target, from predictions alone."""

import dataclasses
import numbers
import warnings
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax, softmax
from sklearn.model_selection import StratifiedKFold

from sktransfer.adaptation.base import AdaptationMethod

_MAX_ITER = 10_000
_TOL = 1e-8
# Share of a class that the target seems not to have.
_MIN_SHARE = 1e-6
_MIN_SLOPE = 1e-3
# Of a difference between domains that is taken for label shift, this share at most may
# be left when the classes' shares are made equal.
MAX_UNEXPLAINED = 0.7


class LabelShift(AdaptationMethod):
    r"""Correct predictions, or the loss, for the shares of the classes in the target.

    The features are not aligned. Each of `n_splits` networks is trained on a part of
    the source, and calibrated on the part left out: with class scores g, the
    probabilities are :math:`p = \mathrm{softmax}(g / T + b)` with a temperature T and
    a bias b of each class, fitted by the cross-entropy [3]_. From its probabilities of
    the target's rows, the shares q of the classes there are estimated,

    - by "em", expectation maximisation; see :func:`estimate_prior_em` [1]_;
    - by "bbse", from the confusion matrix of the part left out; see
      :func:`estimate_prior_bbse` [2]_;

    and averaged over the splits, as are 1 / T and b. The final network is trained on
    all labelled rows. With :math:`\pi` the shares that it was trained with and
    `trade_off` as :math:`\alpha`, it is corrected

    - in its "predictions": its scores become
      :math:`g / T + b + \alpha \log (q / \pi)`, which changes its head alone;
    - or in its "loss": it is trained with the factor :math:`(q_c / \pi_c)^\alpha` on
      the weights of rows of class c.

    It is right under label shift: rows of a class look alike in both domains, and the
    shares of the classes differ. Where they look otherwise, the shares that are found
    may be far off. Then `guard` leaves the network as by :class:`SourceOnly`, with a
    warning: under label shift, the predicted probabilities of the target's rows are
    distributed as those of the source's rows that are reweighted by q / pi. If their
    distance, by the test of Kolmogorov and Smirnov, is more than 0.7 of what it is
    without weights, the shares explain too little. Rows that look otherwise in just
    such a way as other shares would make them look cannot be told without labels.

    The network is for the target alone: it expects the target's shares.

    Parameters
    ----------
    trade_off : float, default=1.0
        Exponent of the ratio of the shares.
    estimator : {"em", "bbse"}, default="em"
        How the shares are estimated.
    correct : {"predictions", "loss"}, default="predictions"
        What is corrected.
    n_splits : int, default=3
        Networks that are trained for the estimate, 2 or more.
    guard : bool, default=True
        Whether nothing is corrected where label shift explains too little.

    References
    ----------
    .. [1] Saerens, Latinne & Decaestecker (2002). Adjusting the Outputs of a Classifier
       to New a Priori Probabilities. Neural Computation 14(1).
    .. [2] Lipton, Wang & Smola (2018). Detecting and Correcting for Label Shift with
       Black Box Predictors. ICML. arXiv:1802.03916
    .. [3] Alexandari, Kundaje & Shrikumar (2020). Maximum Likelihood with
       Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation. ICML.
       arXiv:1901.06852
    """

    def __init__(
        self,
        trade_off=1.0,
        *,
        estimator="em",
        correct="predictions",
        n_splits=3,
        guard=True,
    ):
        self.trade_off = trade_off
        self.estimator = estimator
        self.correct = correct
        self.n_splits = n_splits
        self.guard = guard

    def adapt(self, task):
        """Estimate the shares, then train; see the base class."""
        self._check()
        found = estimate_shift(
            task, self, estimator=self.estimator, n_splits=self.n_splits
        )
        if self.guard and not found.is_plausible:
            warnings.warn(
                f"method={self}: other shares of the classes explain too little of how "
                f"the target differs (unexplained: {found.unexplained:.2f}; expected "
                f"at most {MAX_UNEXPLAINED}), so nothing is corrected, and the network "
                "is that of method='source_only'. With guard=False it is corrected.",
                UserWarning,
                stacklevel=2,
            )
            fit = task.train()
            return dataclasses.replace(
                fit, attributes={"target_prior": found.source_prior}
            )
        share = class_shares(task.source.y, task.source.sample_weight, task.n_classes)
        # A class without rows has nothing to be corrected.
        known = share > 0
        ratio = np.ones(task.n_classes)
        ratio[known] = np.maximum(found.prior[known], _MIN_SHARE) / share[known]
        if self.correct == "loss":
            fit = task.train(sample_weight=ratio[task.source.y] ** self.trade_off)
        else:
            fit = task.train()
            kernel, bias = fit.head
            bias = found.slope * bias + found.bias + self.trade_off * np.log(ratio)
            head = [found.slope * kernel, bias]
            head = [array.astype(kernel.dtype) for array in head]
            fit = dataclasses.replace(fit, head=head)
        return dataclasses.replace(fit, attributes={"target_prior": found.prior})

    def _check(self):
        for name, accepted in (
            ("estimator", ("em", "bbse")),
            ("correct", ("predictions", "loss")),
        ):
            if getattr(self, name) not in accepted:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} of method={self}; expected one "
                    f"of {accepted}."
                )
        if not isinstance(self.n_splits, numbers.Integral) or self.n_splits < 2:
            raise ValueError(
                f"n_splits={self.n_splits!r} of method={self}; expected an int of 2 or "
                "more."
            )


class Shift(NamedTuple):
    """What is found out of a shift of the classes' shares.

    Attributes
    ----------
    source_prior, prior : ndarray of shape (n_classes,)
        Shares of the classes in the source; those estimated of the target.
    slope : float
        1 / T of the calibration.
    bias : ndarray of shape (n_classes,)
        b of the calibration.
    unexplained : float
        How far the predicted probabilities of the target's rows are from those of the
        source's rows reweighted to `prior`, as a share of how far they are without
        weights; 0 when a shift of the shares is all there is.
    """

    source_prior: np.ndarray
    prior: np.ndarray
    slope: float
    bias: np.ndarray
    unexplained: float

    @property
    def is_plausible(self):
        """Whether other shares explain much of how the target differs."""
        return self.unexplained <= MAX_UNEXPLAINED


def estimate_shift(task, method, *, estimator="em", n_splits=2):
    """Estimate the target's class shares with networks trained on parts of the source.

    Parameters
    ----------
    task : DomainTask
        Trains the networks.
    method : AdaptationMethod
        For error messages.
    estimator : {"em", "bbse"}, default="em"
        How the shares are estimated.
    n_splits : int, default=2
        Number of networks; the results are averaged.

    Returns
    -------
    Shift
    """
    of_source = np.flatnonzero(task.source_domains >= 0)
    source = task.source.part(of_source)
    largest = np.bincount(source.y).max()
    if largest < n_splits:
        raise ValueError(
            f"method={method} splits the source into {n_splits} parts; its largest "
            f"class has {largest} rows, and expected are at least as many as parts."
        )
    share = class_shares(source.y, source.sample_weight, task.n_classes)
    known = share > 0
    seed = int(task.rng.integers(2**31))
    folds = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class of fewer rows than splits is left out in some of them only.
        warnings.filterwarnings("ignore", "The least populated class")
        splits = list(folds.split(source.y, source.y))
    found, distances = [], []
    for kept, aside in splits:
        fit = task.train(chosen=of_source[kept])
        held_out = source.part(aside)
        scores = task.logits(fit, held_out)
        slope, bias = calibrate(scores, held_out.y, held_out.sample_weight)
        proba = _softmax_of(slope * scores + bias, known)
        target_proba = _softmax_of(slope * task.logits(fit, task.target) + bias, known)
        prior = np.zeros(task.n_classes)
        if estimator == "em":
            prior[known] = estimate_prior_em(target_proba[:, known], share[known])
        else:
            prior = estimate_prior_bbse(
                target_proba.argmax(axis=1),
                proba.argmax(axis=1),
                held_out.y,
                task.n_classes,
            )
        found.append((prior, slope, bias))
        weight = held_out.sample_weight
        ratio = np.divide(prior, share, out=np.ones_like(share), where=known)
        distances.append(
            [
                largest_step(proba, weights, target_proba)
                for weights in (weight, weight * ratio[held_out.y])
            ]
        )
    prior, slope, bias = (np.mean(v, axis=0) for v in zip(*found, strict=True))
    before, after = np.mean(distances, axis=0)
    return Shift(share, prior, slope, bias, after / before if before else 0.0)


def _softmax_of(scores, known):
    """Probabilities of the known classes; 0 of the others."""
    return softmax(np.where(known, scores, -np.inf), axis=1)


def largest_step(proba, sample_weight, target_proba):
    """Compute how far apart the probabilities of two sets of rows are.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        Probabilities of some rows.
    sample_weight : ndarray of shape (n,)
        Their weights, not all 0.
    target_proba : ndarray of shape (n_target, n_classes)
        Probabilities of others.

    Returns
    -------
    float
        The greatest difference of the two distribution functions of a class's
        probability (Kolmogorov and Smirnov's), over all classes; from 0 to 1.
    """
    largest = 0.0
    for of_rows, of_target in zip(proba.T, target_proba.T, strict=True):
        order = np.argsort(of_rows, kind="stable")
        summed = np.concatenate([[0.0], np.cumsum(sample_weight[order])])
        at = np.concatenate([of_rows, of_target])
        below = summed[np.searchsorted(of_rows[order], at, side="right")] / summed[-1]
        share = np.searchsorted(np.sort(of_target), at, side="right") / len(of_target)
        largest = max(largest, np.abs(below - share).max())
    return float(largest)


def class_shares(y, sample_weight, n_classes):
    """Compute the weighted share of each class, an ndarray of shape (n_classes,)."""
    total = np.bincount(y, sample_weight, minlength=n_classes)
    return total / total.sum()


def calibrate(logits, y, sample_weight):
    r"""Fit a temperature and class biases to rows that were not trained on.

    They minimise the weighted cross-entropy of
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
    r"""Estimate the target's class shares by expectation maximisation.

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
