"""DANN: features that do not show the domain."""

from sktransfer.adaptation.adversarial import (
    dense_network,
    domain_loss,
    reverse_gradient,
)
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.losses import rising_schedule
from sktransfer.adaptation.parameter_checks import COUNTS


class DANN(AdaptationMethod):
    r"""Train features against a network that separates source and target.

    The loss is the binary cross-entropy of a domain discriminator on the features. The
    discriminator learns to separate the domains. The gradient that reaches the
    features is reversed, so that the features become similar in both domains [1]_. Its
    factor is `trade_off` times

    .. math:: \lambda_q = \frac{2}{1 + e^{-10 q}} - 1

    at the progress q of the training, from 0 to 1. So the features are not changed by a
    discriminator that has not learned anything yet.

    Parameters
    ----------
    trade_off : float, default=1.0
        Factor on the gradient of the features.
    hidden_units : tuple of int, default=(256, 256)
        Number of units of each hidden layer of the discriminator.

    References
    ----------
    .. [1] Ganin et al. (2016). Domain-Adversarial Training of Neural Networks. JMLR
       17(59). arXiv:1505.07818
    """

    metrics = ("domain_accuracy",)
    schedule = staticmethod(rising_schedule)

    _parameter_constraints = {"hidden_units": [COUNTS]}

    def __init__(self, trade_off=1.0, *, hidden_units=(256, 256)):
        self.trade_off = trade_off
        self.hidden_units = hidden_units

    def build(self, n_features, n_classes, *, dtype):
        """Make the domain discriminator; see the base class."""
        return [dense_network(n_features, self.hidden_units, 1, dtype=dtype)]

    def loss(self, batch, strength, networks):
        """Compute the loss of the discriminator; see the base class."""
        (discriminator,) = networks
        return domain_loss(
            discriminator(reverse_gradient(batch.source_features, strength)),
            discriminator(reverse_gradient(batch.target_features, strength)),
        )
