"""MCC: predictions on the target that do not confuse classes."""

from keras import ops

from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.losses import entropy
from sktransfer.adaptation.parameter_checks import POSITIVE


class MCC(AdaptationMethod):
    r"""Minimize the confusion of classes in the predictions on the target.

    The probabilities of the target samples are :math:`p = \mathrm{softmax}(g_t / T)`
    with logits g. The weights of the samples are
    :math:`w_i \propto 1 + e^{-H(p_i)}`, with a mean of 1. The confusion of classes j
    and k is :math:`\sum_i w_i p_{ij} p_{ik}`, divided by its sum over k. The loss is
    the sum over pairs of different classes, divided by the number of classes [1]_,
    times `trade_off`, which is constant. The features are not aligned.

    Parameters
    ----------
    trade_off : float, default=1.0
        Weight of the loss.
    temperature : float, default=2.5
        T. A larger value reduces the effect of overconfident predictions.

    References
    ----------
    .. [1] Jin et al. (2020). Minimum Class Confusion for Versatile Domain Adaptation.
       ECCV. arXiv:1912.03699
    """

    _parameter_constraints = {"temperature": [POSITIVE]}

    def __init__(self, trade_off=1.0, *, temperature=2.5):
        self.trade_off = trade_off
        self.temperature = temperature

    def loss(self, batch, strength, networks):
        """Compute the class confusion; see the base class."""
        logits = batch.target_logits / self.temperature
        weight = ops.stop_gradient(1 + ops.exp(-entropy(logits)))
        weight = weight / ops.mean(weight)
        proba = ops.softmax(logits)
        confusion = ops.matmul(ops.transpose(weight[:, None] * proba), proba)
        confusion = confusion / ops.sum(confusion, axis=1, keepdims=True)
        off_diagonal = ops.sum(confusion) - ops.trace(confusion)
        return strength * off_diagonal / proba.shape[1]
