"""DAN: equal means under Gaussian kernels."""

from keras import ops

from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.methods._kernels import mmd, multi_gaussian


class DAN(AdaptationMethod):
    r"""Make the distributions of the features agree under Gaussian kernels.

    With k the mean of the kernels :math:`e^{-\lVert f - f' \rVert^2 / b}`, whose widths
    b are the batch's mean squared distance times 1/8, 1/4, 1/2, 1 and 2, the loss is
    the maximum mean discrepancy [1]_

    .. math:: \overline{k(f_s, f_s')} + \overline{k(f_t, f_t')}
       - 2\, \overline{k(f_s, f_t)}

    times `trade_off`, which is constant. A bar is a mean over all pairs.

    Parameters
    ----------
    trade_off : float, default=1.0
        Factor on the loss.

    See Also
    --------
    JAN : Of features and predictions together.

    References
    ----------
    .. [1] Long et al. (2015). Learning Transferable Features with Deep Adaptation
       Networks. ICML. arXiv:1502.02791
    """

    def loss(self, batch, strength, networks):
        """Compute the maximum mean discrepancy; see the base class."""
        features = ops.concatenate([batch.source_features, batch.target_features])
        kernel = multi_gaussian(features)
        return strength * mmd(kernel, batch.source_features.shape[0])
