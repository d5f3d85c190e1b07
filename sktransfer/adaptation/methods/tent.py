"""TENT: low entropy on the target, by batch normalization alone."""

from keras import ops

from sktransfer.adaptation.base import AdaptationMethod, Phase
from sktransfer.adaptation.losses import entropy
from sktransfer.adaptation.parameter_checks import COUNT


class TENT(AdaptationMethod):
    r"""Minimize the entropy on the target by training batch normalization alone.

    The first part is :class:`AdaBN`. Then the scales and shifts of the layers of batch
    normalization that are not frozen are trained on the target samples [1]_. The loss
    is

    .. math:: \frac{1}{n} \sum_i H(p_{t,i})

    times `trade_off`. All other weights stay as trained on the source. The statistics
    of the layers are those of the target before these steps.

    The network is for the target only: it may be wrong on source samples. The entropy
    is minimal if all samples are of one class, so many steps may end there.

    Parameters
    ----------
    trade_off : float, default=1.0
        Weight of the entropy. Below 1 it is also the weight of the target in the
        statistics of batch normalization.
    epochs : int, default=10
        Number of epochs on the target.

    References
    ----------
    .. [1] Wang et al. (2021). Tent: Fully Test-Time Adaptation by Entropy
       Minimization. ICLR. arXiv:2006.10726
    """

    _parameter_constraints = {"epochs": [COUNT]}

    def __init__(self, trade_off=1.0, *, epochs=10):
        self.trade_off = trade_off
        self.epochs = epochs

    def loss(self, batch, strength, networks):
        """Compute the mean entropy of the target samples; see the base class."""
        return strength * ops.mean(entropy(batch.target_logits))

    def phases(self):
        """List the one step, of scales and shifts; see the base class."""
        return [Phase(self.loss, trains="normalization", cross_entropy=False)]

    def adapt(self, task):
        """Train on the source, then on the target; see the base class."""
        layers = task.normalization_layers()
        if not any(layer.scale or layer.center for layer in layers):
            raise ValueError(
                f"method={self} trains scales and shifts of BatchNormalization layers; "
                f"backbone={task.backbone.name!r} with frozen_depth="
                f"{task.frozen_depth} has none that are not frozen. Use a backbone "
                "with such layers, a smaller frozen_depth, or the method 'adabn' or "
                "'domain_standardize'."
            )
        fit = task.renormalize(task.source_fit, min(self.trade_off, 1.0))
        return task.train_on_target(fit, self, epochs=self.epochs)
