"""TENT: sure predictions by the scales and shifts of batch normalization."""

from keras import ops

from sktransfer.adaptation._parameters import COUNT
from sktransfer.adaptation.base import AdaptationMethod, Phase, entropy


class TENT(AdaptationMethod):
    r"""Make predictions on the target sure by batch normalization alone.

    After :class:`AdaBN`, the scales and shifts of the layers of batch normalization
    that are not frozen are trained on rows of the target [1]_, to minimize

    .. math:: \frac{1}{n} \sum_i H(p_{t,i})

    All other weights stay those of the source. The statistics of the layers are those
    that the target's rows had before these steps.

    The network is for the target alone: it may err on rows of the source. Entropy is
    least where all rows are of one class, so many steps may end there.

    Parameters
    ----------
    trade_off : float, default=1.0
        Factor on the entropy; also the share of the target's statistics, where it is
        less than 1.
    epochs : int, default=10
        Passes over the rows of the target.

    References
    ----------
    .. [1] Wang et al. (2021). Tent: Fully Test-Time Adaptation by Entropy
       Minimization. ICLR. arXiv:2006.10726
    """

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "epochs": [COUNT],
    }

    def __init__(self, trade_off=1.0, *, epochs=10):
        self.trade_off = trade_off
        self.epochs = epochs

    def loss(self, batch, strength, networks):
        """Compute the mean entropy of the target's rows; see the base class."""
        return strength * ops.mean(entropy(batch.target_logits))

    def phases(self):
        """List the one step, of scales and shifts; see the base class."""
        return [Phase(self.loss, trains="normalization", cross_entropy=False)]

    def adapt(self, task):
        """Train on the source, then on the target; see the base class."""
        layers = task.normalization_layers()
        if not any(layer.scale or layer.center for layer in layers):
            raise ValueError(
                f"method={self} trains scales and shifts of BatchNormalization; "
                f"backbone={task.backbone.name!r} with frozen_depth="
                f"{task.frozen_depth} has none that are not frozen. Use a backbone "
                "with such layers, a smaller frozen_depth, or the method 'adabn' or "
                "'domain_standardize'."
            )
        fit = task.renormalize(task.train(), min(self.trade_off, 1.0))
        return task.train_on_target(fit, self, epochs=self.epochs)
