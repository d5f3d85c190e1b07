"""AdaBN: batch normalization with the statistics of the target."""

from sktransfer.adaptation._parameters import SHARE
from sktransfer.adaptation.base import AdaptationMethod


class AdaBN(AdaptationMethod):
    r"""Give batch normalization the statistics of the target.

    There is no loss. The network is trained as by :class:`SourceOnly`; then each layer
    of batch normalization that is not frozen gets the mean and the variance that its
    inputs have over all rows of the target [1]_:

    .. math:: \mu \leftarrow (1 - \alpha) \mu_s + \alpha \mu_t, \qquad
       \sigma^2 \leftarrow (1 - \alpha) \sigma_s^2 + \alpha \sigma_t^2

    with `trade_off` as :math:`\alpha`. Layers come in turn, each with those before it
    on the target's statistics alone. A channel that does not vary in the target keeps
    its variance.

    The network is for the target alone: it may err on rows of the source. Shares of the
    classes that differ between the domains move the statistics too, and then it may
    err on the target.

    Parameters
    ----------
    trade_off : float, default=1.0
        Share of the target's statistics, from 0 to 1.

    Notes
    -----
    The network "mlp" begins with a batch normalization without scale and shift, which
    standardizes the columns; so each column of the target is standardized by its own
    mean and variance.

    A pretrained backbone keeps its statistics while it is trained on the source. Where
    they are far from the source's, those of the target are a change that the rest of
    the network has not seen, whatever the domains.

    References
    ----------
    .. [1] Li et al. (2016). Revisiting Batch Normalization For Practical Domain
       Adaptation. arXiv:1603.04779
    """

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "trade_off": [SHARE]
    }

    def adapt(self, task):
        """Train on the source, then estimate anew; see the base class."""
        if not task.normalization_layers():
            raise ValueError(
                f"method={self} needs a BatchNormalization that is not frozen; "
                f"backbone={task.backbone.name!r} with frozen_depth="
                f"{task.frozen_depth} has none. Use a smaller frozen_depth, or the "
                "method 'domain_standardize', which needs no such layer."
            )
        return task.renormalize(task.train(), self.trade_off)
