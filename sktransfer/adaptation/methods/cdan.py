"""CDAN: like DANN, with a discriminator that gets the predictions too."""

import numpy as np
from keras import ops

from sktransfer.adaptation.adversarial import domain_loss, reverse_gradient
from sktransfer.adaptation.losses import entropy
from sktransfer.adaptation.methods.dann import DANN

_MAX_INPUTS = 4096


class CDAN(DANN):
    r"""Train features against a domain discriminator that gets the predictions too.

    The loss is that of :class:`DANN`. The input of the discriminator is the outer
    product of the features f and the class probabilities p [1]_. If it has more than
    4096 entries, the input is :math:`(R_f f) \odot (R_p p) / \sqrt{4096}` with fixed
    random matrices. No gradient passes through p. With `entropy_weighting` (CDAN+E),
    the weight of a sample in the loss is

    .. math:: 1 + e^{-H(p)}

    divided by the mean over the samples of its domain, so that samples with certain
    predictions have a larger weight.

    Parameters
    ----------
    trade_off : float, default=1.0
        Factor on the gradient of the features; it rises as that of :class:`DANN`.
    entropy_weighting : bool, default=True
        Whether samples are weighted by the entropy of their predictions.
    hidden_units : tuple of int, default=(256, 256)
        Number of units of each hidden layer of the discriminator.

    References
    ----------
    .. [1] Long et al. (2018). Conditional Adversarial Domain Adaptation. NeurIPS.
       arXiv:1705.10667
    """

    _parameter_constraints = {"entropy_weighting": ["boolean"]}

    def __init__(
        self, trade_off=1.0, *, entropy_weighting=True, hidden_units=(256, 256)
    ):
        self.trade_off = trade_off
        self.entropy_weighting = entropy_weighting
        self.hidden_units = hidden_units

    def build(self, n_features, n_classes, *, dtype):
        """Make the domain discriminator; see the base class."""
        n_inputs = min(n_features * n_classes, _MAX_INPUTS)
        return super().build(n_inputs, n_classes, dtype=dtype)

    def loss(self, batch, strength, networks):
        """Compute the loss of the discriminator; see the base class."""
        (discriminator,) = networks
        domain_logits, weights = [], []
        for features, logits in (
            (batch.source_features, batch.source_logits),
            (batch.target_features, batch.target_logits),
        ):
            logits = ops.stop_gradient(logits)
            features = reverse_gradient(features, strength)
            joint = _joint_features(features, ops.softmax(logits))
            domain_logits.append(discriminator(joint))
            weight = 1 + ops.exp(-entropy(logits))
            weights.append(weight / ops.mean(weight) if self.entropy_weighting else 1.0)
        return domain_loss(*domain_logits, *weights)


def _joint_features(features, proba):
    """Compute the outer product of each sample, or its random projection."""
    n_features, n_classes = features.shape[1], proba.shape[1]
    if n_features * n_classes <= _MAX_INPUTS:
        outer = features[:, :, None] * proba[:, None, :]
        return ops.reshape(outer, (-1, n_features * n_classes))
    rng = np.random.default_rng(0)

    def project(x):
        matrix = rng.normal(size=(x.shape[1], _MAX_INPUTS))
        return ops.matmul(x, ops.convert_to_tensor(matrix, dtype=x.dtype))

    return project(features) * project(proba) / np.sqrt(_MAX_INPUTS)
