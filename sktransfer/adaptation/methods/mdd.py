"""MDD: a second head that agrees on the source and disagrees on the target."""

import keras
from keras import ops

from sktransfer.adaptation._parameters import COUNT, POSITIVE
from sktransfer.adaptation.base import (
    AdaptationMethod,
    cross_entropy,
    grow,
    reverse_gradient,
)
from sktransfer.adaptation.methods._networks import dense_network

_REVERSED = 0.1


class MDD(AdaptationMethod):
    r"""Train features against a head that looks for disagreement on the target.

    A second head g' learns to predict what the first one, g, predicts on the source,
    and anything else on the target. With p' its probabilities the loss is [1]_

    .. math:: \gamma\, \overline{-\log p'_s[\arg\max g_s]}
       + \overline{-\log (1 - p'_t[\arg\max g_t])}

    The gradient that reaches the features is reversed; its factor there is `trade_off`
    times a value that grows from 0 to 0.1 as that of :class:`DANN` grows to 1.

    Parameters
    ----------
    trade_off : float, default=1.0
        Factor on the gradient of the features.
    gamma : float, default=4.0
        Margin: weight of the source.
    hidden_units : int, default=256
        Units of the second head's hidden layer.

    References
    ----------
    .. [1] Zhang et al. (2019). Bridging Theory and Algorithm for Domain Adaptation.
       ICML. arXiv:1904.05801
    """

    schedule = staticmethod(grow)

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "gamma": [POSITIVE],
        "hidden_units": [COUNT],
    }

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
        strength = _REVERSED * strength
        on_source = second_head(reverse_gradient(batch.source_features, strength))
        on_target = second_head(reverse_gradient(batch.target_features, strength))
        agreed = cross_entropy(on_source, ops.argmax(batch.source_logits, axis=1))
        log_proba = -cross_entropy(on_target, ops.argmax(batch.target_logits, axis=1))
        # Of what remains; a probability that rounds to 1 leaves nothing.
        epsilon = keras.config.epsilon()
        rest = ops.maximum(-ops.expm1(log_proba), epsilon)
        return self.gamma * ops.mean(agreed) - ops.mean(ops.log(rest))
