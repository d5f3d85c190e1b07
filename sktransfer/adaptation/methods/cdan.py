"""CDAN: as DANN, with the discriminator seeing features and predictions."""

import numpy as np
from keras import ops

from sktransfer.adaptation._parameters import COUNT, SequenceOf
from sktransfer.adaptation.base import (
    AdaptationMethod,
    entropy,
    grow,
    reverse_gradient,
)
from sktransfer.adaptation.methods._networks import dense_network, domain_loss

_MAX_OUTER = 4096


class CDAN(AdaptationMethod):
    r"""Train features against a network that sees the predictions too.

    As :class:`DANN`, with the discriminator on the outer product of the features f and
    the class probabilities p [1]_; above 4096 entries on
    :math:`(R_f f) \odot (R_p p) / \sqrt{4096}`, with fixed random matrices. No gradient
    passes through p. With `entropy_weighting` (CDAN+E), a row counts by

    .. math:: 1 + e^{-H(p)}

    divided by the mean of that over the rows of its domain, so that sure predictions
    count more.

    Parameters
    ----------
    trade_off : float, default=1.0
        Factor on the gradient of the features; it grows as that of :class:`DANN`.
    entropy_weighting : bool, default=True
        Whether rows are weighted by how sure their predictions are.
    hidden_units : tuple of int, default=(256, 256)
        Units of the discriminator's hidden layers.

    References
    ----------
    .. [1] Long et al. (2018). Conditional Adversarial Domain Adaptation. NeurIPS.
       arXiv:1705.10667
    """

    metrics = ("domain_accuracy",)
    schedule = staticmethod(grow)

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "entropy_weighting": ["boolean"],
        "hidden_units": [SequenceOf(COUNT)],
    }

    def __init__(
        self, trade_off=1.0, *, entropy_weighting=True, hidden_units=(256, 256)
    ):
        self.trade_off = trade_off
        self.entropy_weighting = entropy_weighting
        self.hidden_units = hidden_units

    def build(self, n_features, n_classes, *, dtype):
        """Make the domain discriminator; see the base class."""
        n_inputs = min(n_features * n_classes, _MAX_OUTER)
        return [dense_network(n_inputs, self.hidden_units, 1, dtype=dtype)]

    def loss(self, batch, strength, networks):
        """Compute the discriminator's cross-entropy; see the base class."""
        (discriminator,) = networks
        logits, weights = [], []
        for features, scores in (
            (batch.source_features, batch.source_logits),
            (batch.target_features, batch.target_logits),
        ):
            scores = ops.stop_gradient(scores)
            joint = _joint(reverse_gradient(features, strength), ops.softmax(scores))
            logits.append(discriminator(joint))
            weight = 1 + ops.exp(-entropy(scores))
            weights.append(weight / ops.mean(weight) if self.entropy_weighting else 1.0)
        return domain_loss(*logits, *weights)


def _joint(features, proba):
    n_features, n_classes = features.shape[1], proba.shape[1]
    if n_features * n_classes <= _MAX_OUTER:
        outer = features[:, :, None] * proba[:, None, :]
        return ops.reshape(outer, (-1, n_features * n_classes))
    rng = np.random.default_rng(0)
    parts = [
        ops.matmul(x, ops.convert_to_tensor(rng.normal(size=shape), dtype=x.dtype))
        for x, shape in (
            (features, (n_features, _MAX_OUTER)),
            (proba, (n_classes, _MAX_OUTER)),
        )
    ]
    return parts[0] * parts[1] / np.sqrt(_MAX_OUTER)
