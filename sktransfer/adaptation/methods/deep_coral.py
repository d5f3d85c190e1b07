"""Deep CORAL: equal covariances of the features."""

from keras import ops

from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.losses import rising_schedule


class DeepCORAL(AdaptationMethod):
    r"""Make the covariances of the features equal.

    :math:`C_s` and :math:`C_t` are the covariances of the d features in the batches of
    source and target. The loss is [1]_

    .. math:: \frac{1}{4 d^2} \lVert C_s - C_t \rVert_F^2

    times `trade_off` times the schedule of :class:`DANN`, which rises from 0 to 1. The
    loss is small because of the division, so `trade_off` is large.

    Parameters
    ----------
    trade_off : float, default=100.0
        Weight of the loss at the end of the training.

    References
    ----------
    .. [1] Sun & Saenko (2016). Deep CORAL: Correlation Alignment for Deep Domain
       Adaptation. ECCV Workshops. arXiv:1607.01719
    """

    schedule = staticmethod(rising_schedule)

    def __init__(self, trade_off=100.0):
        self.trade_off = trade_off

    def loss(self, batch, strength, networks):
        """Compute the distance of the covariances; see the base class."""
        difference = _covariance(batch.source_features) - _covariance(
            batch.target_features
        )
        n_features = batch.source_features.shape[1]
        return strength * ops.sum(ops.square(difference)) / (4 * n_features**2)


def _covariance(features):
    centered = features - ops.mean(features, axis=0)
    return ops.matmul(ops.transpose(centered), centered) / (features.shape[0] - 1)
