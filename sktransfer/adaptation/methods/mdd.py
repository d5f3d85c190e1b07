"""MDD: a second head that agrees on the source and disagrees on the target."""

import keras
from keras import ops

from sktransfer.adaptation.adversarial import dense_network, reverse_gradient
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.losses import cross_entropy, rising_schedule
from sktransfer.adaptation.parameter_checks import COUNT, POSITIVE

_MAX_STRENGTH = 0.1


class MDD(AdaptationMethod):
    r"""Train features against a second head that disagrees on the target.

    A second head g' learns to predict the same class as the first head g on the source,
    and a different class on the target. Its probabilities are p'. The loss is [1]_

    .. math:: \gamma\, \overline{-\log p'_s[\arg\max g_s]}
       + \overline{-\log (1 - p'_t[\arg\max g_t])}

    The gradient that reaches the features is reversed. Its factor is `trade_off` times
    0.1 times the schedule of :class:`DANN`, which rises from 0 to 1.

    Parameters
    ----------
    trade_off : float, default=1.0
        Factor on the gradient of the features.
    gamma : float, default=4.0
        Margin factor: weight of the source.
    hidden_units : int, default=256
        Number of units of the hidden layer of the second head.

    References
    ----------
    .. [1] Zhang et al. (2019). Bridging Theory and Algorithm for Domain Adaptation.
       ICML. arXiv:1904.05801
    """

    schedule = staticmethod(rising_schedule)

    _parameter_constraints = {"gamma": [POSITIVE], "hidden_units": [COUNT]}

    def __init__(self, trade_off=1.0, *, gamma=4.0, hidden_units=256):
        self.trade_off = trade_off
        self.gamma = gamma
        self.hidden_units = hidden_units

    def build(self, n_features, n_classes, *, dtype):
        """Make the second head; see the base class."""
        return [dense_network(n_features, (self.hidden_units,), n_classes, dtype=dtype)]

    def loss(self, batch, strength, networks):
        """Compute the margin disparity; see the base class."""
        (second_head,) = networks
        strength = _MAX_STRENGTH * strength
        source = second_head(reverse_gradient(batch.source_features, strength))
        target = second_head(reverse_gradient(batch.target_features, strength))
        source_loss = cross_entropy(source, ops.argmax(batch.source_logits, axis=1))
        log_proba = -cross_entropy(target, ops.argmax(batch.target_logits, axis=1))
        # The bound is for probabilities that round to 1.
        epsilon = keras.config.epsilon()
        complement = ops.maximum(-ops.expm1(log_proba), epsilon)
        return self.gamma * ops.mean(source_loss) - ops.mean(ops.log(complement))
