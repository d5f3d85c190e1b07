"""AdaBN: batch normalization with the statistics of the target."""

from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.parameter_checks import FRACTION


class AdaBN(AdaptationMethod):
    r"""Give batch normalization the statistics of the target.

    There is no loss. The network is trained as by :class:`SourceOnly`. Then each layer
    of batch normalization that is not frozen gets the mean and the variance of its
    inputs over all target samples [1]_:

    .. math:: \mu \leftarrow (1 - \alpha) \mu_s + \alpha \mu_t, \qquad
       \sigma^2 \leftarrow (1 - \alpha) \sigma_s^2 + \alpha \sigma_t^2

    with `trade_off` as :math:`\alpha`. The layers are processed in order. The inputs
    of a layer are computed with earlier layers on the statistics of the target alone.
    A channel that is constant in the target keeps its variance.

    The network is for the target only: it may be wrong on source samples. Class priors
    that differ between the domains change the statistics too; then the network may be
    wrong on the target.

    Parameters
    ----------
    trade_off : float, default=1.0
        Weight of the statistics of the target, from 0 to 1.

    Notes
    -----
    "mlp" and "mlp_ensemble" begin with a batch normalization without scale and shift,
    which standardizes the columns of numbers. So each of these columns of the target is
    standardized by its own mean and variance.

    A pretrained backbone keeps its statistics while it is trained on the source. If
    they are far from those of the source samples, the statistics of the target are a
    change that the rest of the network was not trained with.

    References
    ----------
    .. [1] Li et al. (2016). Revisiting Batch Normalization For Practical Domain
       Adaptation. arXiv:1603.04779
    """

    _parameter_constraints = {"trade_off": [FRACTION]}

    def adapt(self, task):
        """Train on the source, then replace the statistics; see the base class."""
        if not task.normalization_layers():
            raise ValueError(
                f"method={self} needs a BatchNormalization layer that is not frozen; "
                f"backbone={task.backbone.name!r} with frozen_depth="
                f"{task.frozen_depth} has none. Use a smaller frozen_depth, or the "
                "method 'domain_standardize', which needs no such layer."
            )
        return task.renormalize(task.source_fit, self.trade_off)
