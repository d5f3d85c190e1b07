"""DANN: features from which the domain cannot be told."""

from sktransfer.adaptation._parameters import COUNT, SequenceOf
from sktransfer.adaptation.base import AdaptationMethod, grow, reverse_gradient
from sktransfer.adaptation.methods._networks import dense_network, domain_loss


class DANN(AdaptationMethod):
    r"""Train features against a network that tells source from target.

    The loss is the binary cross-entropy of a domain discriminator on the features. It
    learns to tell the domains; the gradient that reaches the features is reversed, so
    that they learn to be told apart less [1]_. Its factor there is `trade_off` times

    .. math:: \lambda_q = \frac{2}{1 + e^{-10 q}} - 1

    at the progress q of the training, which spares the features a discriminator that
    has learned nothing yet.

    Parameters
    ----------
    trade_off : float, default=1.0
        Factor on the gradient of the features.
    hidden_units : tuple of int, default=(256, 256)
        Units of the discriminator's hidden layers.

    References
    ----------
    .. [1] Ganin et al. (2016). Domain-Adversarial Training of Neural Networks. JMLR
       17(59). arXiv:1505.07818
    """

    metrics = ("domain_accuracy",)
    schedule = staticmethod(grow)

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "hidden_units": [SequenceOf(COUNT)],
    }

    def __init__(self, trade_off=1.0, *, hidden_units=(256, 256)):
        self.trade_off = trade_off
        self.hidden_units = hidden_units

    def build(self, n_features, n_classes, *, dtype):
        """Make the domain discriminator; see the base class."""
        return [dense_network(n_features, self.hidden_units, 1, dtype=dtype)]

    def loss(self, batch, strength, networks):
        """Compute the discriminator's cross-entropy; see the base class."""
        (discriminator,) = networks
        return domain_loss(
            discriminator(reverse_gradient(batch.source_features, strength)),
            discriminator(reverse_gradient(batch.target_features, strength)),
        )
