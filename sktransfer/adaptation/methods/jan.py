"""JAN: equal joint distributions of features and predictions."""

from keras import ops

from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.methods._kernels import mmd, multi_gaussian


class JAN(AdaptationMethod):
    r"""Make the joint distributions of features and predictions agree.

    The maximum mean discrepancy of :class:`DAN` with the product of two such kernels,
    one of the features f and one of the class probabilities p [1]_:

    .. math:: k((f, p), (f', p')) = k(f, f')\, k(p, p')

    times `trade_off`, which is constant.

    Parameters
    ----------
    trade_off : float, default=5.0
        Factor on the loss. The kernels here are means over five widths; in the
        authors' code they are sums, of which this is the factor.

    References
    ----------
    .. [1] Long et al. (2017). Deep Transfer Learning with Joint Adaptation Networks.
       ICML. arXiv:1605.06636
    """

    def __init__(self, trade_off=5.0):
        self.trade_off = trade_off

    def loss(self, batch, strength, networks):
        """Compute the joint maximum mean discrepancy; see the base class."""
        features = ops.concatenate([batch.source_features, batch.target_features])
        logits = ops.concatenate([batch.source_logits, batch.target_logits])
        kernel = multi_gaussian(features) * multi_gaussian(ops.softmax(logits))
        return strength * mmd(kernel, batch.source_features.shape[0])
