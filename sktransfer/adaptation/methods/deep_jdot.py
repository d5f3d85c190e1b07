"""DeepJDOT: source and target samples matched by optimal transport."""

import numpy as np
import tensorflow as tf
from keras import ops

from sktransfer._extras import import_extra
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.parameter_checks import NON_NEGATIVE


class DeepJDOT(AdaptationMethod):
    r"""Match target samples to source samples by optimal transport.

    The cost of a match of source sample i and target sample j is

    .. math:: c_{ij} = \frac{\alpha}{d} \lVert f_{s,i} - f_{t,j} \rVert^2
       + \beta\, \mathrm{CE}(y_i, g_{t,j})

    with d features f, logits g and labels y. The paper does not divide by d. The loss
    is :math:`\sum_{ij} \pi_{ij} c_{ij}` with the transport plan :math:`\pi` that
    minimizes it [1]_, times `trade_off`, which is constant. No gradient passes through
    the plan.

    The method needs the package POT: ``pip install sktransfer[ot]``.

    Parameters
    ----------
    trade_off : float, default=1.0
        Weight of the loss.
    alpha : float, default=3.0
        Weight of the mean squared distance of the features.
    beta : float, default=1e-3
        Weight of the cross-entropy.

    References
    ----------
    .. [1] Damodaran et al. (2018). DeepJDOT: Deep Joint Distribution Optimal Transport
       for Unsupervised Domain Adaptation. ECCV. arXiv:1803.10081
    """

    supports_jit = False

    _parameter_constraints = {"alpha": [NON_NEGATIVE], "beta": [NON_NEGATIVE]}

    def __init__(self, trade_off=1.0, *, alpha=3.0, beta=1e-3):
        self.trade_off = trade_off
        self.alpha = alpha
        self.beta = beta

    def check_parameters(self):
        """Check the parameters, and that POT is installed."""
        super().check_parameters()
        import_extra("ot", f"method={self}", "sktransfer[ot]")

    def loss(self, batch, strength, networks):
        """Compute the cost of the best plan; see the base class."""
        source, target = batch.source_features, batch.target_features
        squared = (
            ops.sum(ops.square(source), axis=1)[:, None]
            + ops.sum(ops.square(target), axis=1)[None, :]
            - 2 * ops.matmul(source, ops.transpose(target))
        )
        log_proba = ops.log_softmax(batch.target_logits)
        cross_entropy = -ops.transpose(ops.take(log_proba, batch.source_y, axis=1))
        distance = ops.maximum(squared, 0) / source.shape[1]
        cost = self.alpha * distance + self.beta * cross_entropy
        plan = tf.numpy_function(_transport_plan, [ops.stop_gradient(cost)], cost.dtype)
        return strength * ops.sum(ops.reshape(plan, ops.shape(cost)) * cost)


def _transport_plan(cost):
    import ot

    return ot.emd([], [], cost.astype(np.float64)).astype(cost.dtype)
