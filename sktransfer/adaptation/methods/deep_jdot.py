"""DeepJDOT: source and target rows matched by optimal transport."""

import numpy as np
import tensorflow as tf
from keras import ops

from sktransfer.adaptation._parameters import NOT_NEGATIVE
from sktransfer.adaptation.base import AdaptationMethod


class DeepJDOT(AdaptationMethod):
    r"""Match target rows to source rows by optimal transport.

    The cost of matching a source row with a target row is

    .. math:: c_{ij} = \alpha \lVert f_{s,i} - f_{t,j} \rVert^2
       + \beta\, \mathrm{CE}(y_i, g_{t,j})

    The loss is :math:`\sum_{ij} \pi_{ij} c_{ij}` with the plan :math:`\pi` that makes
    it least, held fixed [1]_, times `trade_off`, which is constant. It needs the
    package POT: ``pip install sktransfer[ot]``.

    Parameters
    ----------
    trade_off : float, default=1.0
        Factor on the loss.
    alpha : float, default=1e-3
        Weight of the distance of the features.
    beta : float, default=1e-4
        Weight of the labels.

    References
    ----------
    .. [1] Damodaran et al. (2018). DeepJDOT: Deep Joint Distribution Optimal Transport
       for Unsupervised Domain Adaptation. ECCV. arXiv:1803.10081
    """

    supports_jit = False

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "alpha": [NOT_NEGATIVE],
        "beta": [NOT_NEGATIVE],
    }

    def __init__(self, trade_off=1.0, *, alpha=1e-3, beta=1e-4):
        self.trade_off = trade_off
        self.alpha = alpha
        self.beta = beta

    def loss(self, batch, strength, networks):
        """Compute the cost of the best plan; see the base class."""
        source, target = batch.source_features, batch.target_features
        squared = (
            ops.sum(ops.square(source), axis=1)[:, None]
            + ops.sum(ops.square(target), axis=1)[None, :]
            - 2 * ops.matmul(source, ops.transpose(target))
        )
        log_proba = ops.log_softmax(batch.target_logits)
        labels = -ops.transpose(ops.take(log_proba, batch.source_y, axis=1))
        cost = self.alpha * ops.maximum(squared, 0) + self.beta * labels
        plan = tf.numpy_function(_plan, [ops.stop_gradient(cost)], cost.dtype)
        return strength * ops.sum(ops.reshape(plan, ops.shape(cost)) * cost)


def _plan(cost):
    import ot

    return ot.emd([], [], cost.astype(np.float64)).astype(cost.dtype)
