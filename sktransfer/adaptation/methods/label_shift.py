"""Label shift: the shares of the classes in the target, from predictions alone."""

import dataclasses
import numbers

import numpy as np
from sklearn.utils._param_validation import StrOptions

from sktransfer._warnings import warn_user
from sktransfer.adaptation._parameters import Number
from sktransfer.adaptation._shift_test import (
    MAX_SEPARABILITY,
    MAX_UNEXPLAINED,
    estimate_shift,
    separability,
)
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.methods._class_prior import class_shares

# Share of a class that the target seems not to have.
_MIN_SHARE = 1e-6


class LabelShift(AdaptationMethod):
    r"""Correct predictions, or the loss, for the shares of the classes in the target.

    The features are not aligned. Each of `n_splits` networks is trained on a part of
    the source, and calibrated on the part left out: with class scores g, the
    probabilities are :math:`p = \mathrm{softmax}(g / T + b)` with a temperature T and
    a bias b of each class, fitted by the cross-entropy [3]_. From its probabilities of
    the target's rows, the shares q of the classes there are estimated,

    - by "em", expectation maximization; see :func:`estimate_prior_em` [1]_;
    - by "bbse", from the confusion matrix of the part left out; see
      :func:`estimate_prior_bbse` [2]_;

    and averaged over the splits, as are 1 / T and b. The final network is trained on
    all labeled rows. With :math:`\pi` the shares that it was trained with and
    `trade_off` as :math:`\alpha`, it is corrected

    - in its "predictions": its scores become
      :math:`g / T + b + \alpha \log (q / \pi)`, which changes its head alone;
    - or in its "loss": it is trained with the factor :math:`(q_c / \pi_c)^\alpha` on
      the weights of rows of class c.

    It is right under label shift: rows of a class look alike in both domains, and the
    shares of the classes differ. Where they look otherwise, the shares that are found
    may be far off. Then `guard` leaves the network as by :class:`SourceOnly`, with a
    warning. It asks two questions of what label shift would look like:

    - The predicted probabilities of the target's rows should be distributed as those of
      the source's rows that are reweighted by q / pi. If their distance, by the test of
      Kolmogorov and Smirnov, is more than 0.7 of what it is without weights, the shares
      explain too little.
    - So should the features. If a linear classifier on those of a network trained on
      the source, cross-fitted, tells the target's rows from the reweighted ones with an
      area under the curve of more than 0.75, the rows look otherwise as well, be it in
      a way that has nothing to do with the classes.

    Rows that look otherwise in just such a way as other shares would make them look
    cannot be told without labels.

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
        Whether nothing is corrected where the rows do not look like label shift. With
        ``correct="loss"`` it takes one more training.

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

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "estimator": [StrOptions({"em", "bbse"})],
        "correct": [StrOptions({"predictions", "loss"})],
        "n_splits": [Number(numbers.Integral, 2, None, closed="left")],
        "guard": ["boolean"],
    }

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
        found = estimate_shift(
            task, self, estimator=self.estimator, n_splits=self.n_splits
        )
        fit = None
        if self.guard or self.correct == "predictions":
            fit = task.train()
        doubt = self._doubt(task, fit, found) if self.guard else None
        if doubt:
            warn_user(
                f"method={self}: {doubt}, so nothing is corrected, and the network is "
                "that of method='source_only'. With guard=False it is corrected."
            )
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
            kernel, bias = fit.head
            bias = found.slope * bias + found.bias + self.trade_off * np.log(ratio)
            head = [found.slope * kernel, bias]
            head = [array.astype(kernel.dtype) for array in head]
            fit = dataclasses.replace(fit, head=head)
        return dataclasses.replace(fit, attributes={"target_prior": found.prior})

    @staticmethod
    def _doubt(task, source_only, found):
        """Say what speaks against label shift; None if nothing does."""
        if not found.is_plausible:
            return (
                "other shares of the classes explain too little of how the target "
                f"differs (unexplained: {found.unexplained:.2f}; expected at most "
                f"{MAX_UNEXPLAINED})"
            )
        area = separability(task, source_only, found)
        if area > MAX_SEPARABILITY:
            return (
                "the target's rows look otherwise than those of the source, also when "
                "these are weighted to the shares of the classes that were found: a "
                f"linear classifier tells them (area under the curve: {area:.2f}; "
                f"expected at most {MAX_SEPARABILITY})"
            )
        return None
