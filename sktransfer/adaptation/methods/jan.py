"""JAN: equal joint distributions of features and predictions."""

from keras import ops

from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.losses import gaussian_kernel, mmd, rising_schedule


class JAN(AdaptationMethod):
    r"""Make the joint distributions of features and predictions equal.

    The loss is the maximum mean discrepancy of :class:`DAN`. Its kernel is the product
    of a kernel of the features f and a kernel of the class probabilities p [1]_:

    .. math:: k((f, p), (f', p')) = k(f, f')\, k(p, p')

    The loss is multiplied by `trade_off` and by the schedule of :class:`DANN`, which
    rises from 0 to 1.

    Parameters
    ----------
    trade_off : float, default=5.0
        Weight of the loss at the end of the training. The kernels are means over five
        widths here, and sums in the code of the authors, whose weight is 1.

    References
    ----------
    .. [1] Long et al. (2017). Deep Transfer Learning with Joint Adaptation Networks.
       ICML. arXiv:1605.06636
    """

    schedule = staticmethod(rising_schedule)

    def __init__(self, trade_off=5.0):
        self.trade_off = trade_off

    def loss(self, batch, strength, networks):
        """Compute the joint maximum mean discrepancy; see the base class."""
        features = ops.concatenate([batch.source_features, batch.target_features])
        logits = ops.concatenate([batch.source_logits, batch.target_logits])
        kernel = gaussian_kernel(features) * gaussian_kernel(ops.softmax(logits))
        return strength * mmd(kernel, batch.source_features.shape[0])
