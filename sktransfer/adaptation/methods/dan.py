"""DAN: equal distributions of the features under Gaussian kernels."""

from keras import ops

from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.losses import gaussian_kernel, mmd, rising_schedule


class DAN(AdaptationMethod):
    r"""Make the distributions of the features equal under Gaussian kernels.

    The kernel k is the mean of five kernels :math:`e^{-\lVert f - f' \rVert^2 / b}`.
    Their widths b are 1/8, 1/4, 1/2, 1 and 2 times the mean squared distance in the
    batch. The loss is the maximum mean discrepancy [1]_

    .. math:: \overline{k(f_s, f_s')} + \overline{k(f_t, f_t')}
       - 2\, \overline{k(f_s, f_t)}

    times `trade_off` times the schedule of :class:`DANN`, which rises from 0 to 1. A
    bar is a mean over all pairs. Without the schedule, a network with random weights
    soon has the same features for all samples if `trade_off` is large.

    Parameters
    ----------
    trade_off : float, default=3.0
        Weight of the loss at the end of the training.

    See Also
    --------
    JAN : Uses the joint distribution of features and predictions.

    References
    ----------
    .. [1] Long et al. (2015). Learning Transferable Features with Deep Adaptation
       Networks. ICML. arXiv:1502.02791
    """

    schedule = staticmethod(rising_schedule)

    def __init__(self, trade_off=3.0):
        self.trade_off = trade_off

    def loss(self, batch, strength, networks):
        """Compute the maximum mean discrepancy; see the base class."""
        features = ops.concatenate([batch.source_features, batch.target_features])
        return strength * mmd(gaussian_kernel(features), batch.source_features.shape[0])
