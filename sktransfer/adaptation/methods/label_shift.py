"""LabelShift: correction for the class prior of the target."""

import numbers

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from sktransfer._class_prior import class_prior, prior_ratio
from sktransfer._label_shift import MAX_UNEXPLAINED
from sktransfer._warnings import warn_user
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.label_shift_checks import (
    MAX_AMPLIFICATION,
    MAX_DOMAIN_AUC,
    domain_auc,
    estimate_label_shift,
)

# Class prior of a class that the target does not seem to have.
_MIN_PRIOR = 1e-6


class LabelShift(AdaptationMethod):
    r"""Correct predictions, or the loss, for the class prior of the target.

    The features are not aligned. `n_splits` networks are trained, each without one fold
    of the source, and calibrated on that fold. With logits g, the calibrated
    probabilities are :math:`p = \mathrm{softmax}(g / T + b)`. The temperature T and the
    biases b of the classes minimize the cross-entropy on the fold [3]_. Each network
    estimates the class prior q of the target from its probabilities,

    - with "em" by expectation maximization: q maximizes the likelihood of the target
      samples [1]_;
    - with "bbse" by the confusion matrix of the fold: q times that matrix is the
      distribution of the predicted classes on the target [2]_.

    The results q, 1 / T and b are averaged over the networks. The final network is
    trained on all labeled samples. With its class prior :math:`\pi` and `trade_off` as
    :math:`\alpha`, the correction is

    - with "predictions": the logits become :math:`g / T + b + \alpha \log (q / \pi)`,
      which changes only the head;
    - with "loss": the network is trained with weights of the samples, multiplied by
      :math:`(q_c / \pi_c)^\alpha` for class c.

    The method assumes label shift: each class has the same distribution in both
    domains, and the class priors differ. Otherwise the estimate may be far off. Then
    `guard` skips the correction, with a warning, and the network is that of
    :class:`SourceOnly`. It makes three checks:

    - The source samples, weighted by q / :math:`\pi`, should have the same distribution
      of predicted probabilities as the target. Their Kolmogorov-Smirnov distance must
      be at most 0.7 of the distance without weights.
    - The total variation distance of q and :math:`\pi` must be at most 2 times the
      Kolmogorov-Smirnov distance of the predictions without weights. If the network
      hardly separates the classes, small errors of the latter are large ones of q.
    - They should have the same distribution of features. A cross-validated linear
      classifier that separates the weighted source from the target must have an area
      under the ROC curve of at most 0.75.

    A change of the features that looks like a label shift cannot be detected without
    labels. The network is for the target only, because it uses the class prior of the
    target.

    Parameters
    ----------
    trade_off : float, default=1.0
        Exponent of the ratio of the class priors.
    estimator : {"em", "bbse"}, default="em"
        How the class prior is estimated.
    correct : {"predictions", "loss"}, default="predictions"
        What is corrected.
    n_splits : int, default=3
        Number of networks that are trained for the estimate, 2 or more.
    guard : bool, default=True
        Whether the correction is skipped if the shift does not look like label shift.
        With ``correct="loss"`` this takes one more training.

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

    _parameter_constraints = {
        "estimator": [StrOptions({"em", "bbse"})],
        "correct": [StrOptions({"predictions", "loss"})],
        "n_splits": [Interval(numbers.Integral, 2, None, closed="left")],
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
        """Estimate the class prior, then train; see the base class."""
        estimate = estimate_label_shift(
            task, self, estimator=self.estimator, n_splits=self.n_splits
        )
        reason = _reason_against(task, estimate) if self.guard else None
        if reason:
            warn_user(
                f"method={self}: {reason}. So nothing is corrected, and the network is "
                "that of method='source_only'. guard=False corrects without checks."
            )
            attributes = {"target_prior": estimate.source_prior}
            return task.source_fit.replace(attributes=attributes)
        return self.correct_for(task, estimate)

    def correct_for(self, task, estimate):
        """Train, and correct for an estimated class prior.

        Parameters
        ----------
        task : DomainTask
            Trains the network.
        estimate : LabelShiftEstimate
            The class prior of the target, and the calibration.

        Returns
        -------
        FitResult
        """
        prior = class_prior(task.source.y, task.source.sample_weight, task.n_classes)
        ratio = prior_ratio(np.maximum(estimate.target_prior, _MIN_PRIOR), prior)
        if self.correct == "loss":
            fit = task.train(sample_weight=ratio[task.source.y] ** self.trade_off)
        else:
            fit = task.source_fit
            kernel, bias = fit.head
            log_ratio = self.trade_off * np.log(ratio)
            bias = estimate.slope * bias + estimate.bias + log_ratio
            head = [a.astype(kernel.dtype) for a in (estimate.slope * kernel, bias)]
            fit = fit.replace(head=head)
        return fit.replace(attributes={"target_prior": estimate.target_prior})


def _reason_against(task, estimate):
    """Return why the shift does not look like label shift, or None."""
    if not estimate.is_plausible:
        return (
            "another class prior explains too little of how the predictions on the "
            f"target differ (unexplained: {estimate.unexplained:.2f}; expected at most "
            f"{MAX_UNEXPLAINED})"
        )
    if estimate.amplification > MAX_AMPLIFICATION:
        return (
            "the estimated class prior of the target is not stable, because the "
            "predictions on source and target differ little (its total variation is "
            f"{estimate.amplification:.2f} times their distance; expected at most "
            f"{MAX_AMPLIFICATION})"
        )
    auc = domain_auc(task, task.source_fit, estimate)
    if auc > MAX_DOMAIN_AUC:
        return (
            "the features of the target differ from those of the source, also after "
            "weighting the source to the estimated class prior (area under the ROC "
            f"curve of a linear classifier of the domains: {auc:.2f}; expected at most "
            f"{MAX_DOMAIN_AUC})"
        )
    return None
