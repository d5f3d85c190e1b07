"""DomainStandardise: columns of each domain by its own mean and deviation."""

import dataclasses

import numpy as np

from sktransfer._large_arrays import take_rows
from sktransfer.adaptation.base import AdaptationMethod, check_share

_CHUNK_BYTES = 1 << 25
# A deviation is that of rounding noise up to this share of 1 + |mean|.
_NOISE = 1e-6
_MIN_SCALE = 1e-6


class DomainStandardise(AdaptationMethod):
    r"""Put the columns of the target on the scale that they have in the source.

    There is no loss. The network is trained as by :class:`SourceOnly`; then each column
    of the target's rows is mapped onto the mean and the standard deviation that it has
    in the source, before the network,

    .. math:: x' = (1 - \alpha) x +
       \alpha \left( \frac{x - \mu_t}{\sigma_t} \sigma_s + \mu_s \right)

    with `trade_off` as :math:`\alpha`. Of images and sequences the columns are the
    channels. Where the backbone has no batch normalisation that is trained, the
    features f are mapped likewise, within the head. It is :class:`AdaBN` for networks
    that need no such layer.

    A column that does not vary in the target becomes the source's mean. Several sources
    are first mapped onto the scale of all of them together. Several targets are taken
    as one: the network gets rows without their domain.

    The network is for the target alone: it errs on rows of the source.

    Parameters
    ----------
    trade_off : float, default=1.0
        Share of the map, from 0 to 1; the rest is the row as it is.
    """

    def __init__(self, trade_off=1.0, *, features=True):
        self.trade_off = trade_off
        self.features = features

    def adapt(self, task):
        """Train on the source, then map the target; see the base class."""
        from sktransfer.backbones.normalisation import map_inputs

        check_share(self)
        source = moments(task.source.X, task.source.index, task.source.sample_weight)
        target = moments(task.target.X, task.target.index, task.target.sample_weight)
        fit = task.train()
        mapped = map_inputs(
            fit.backbone.replace(weights=fit.weights), *self._map(source, target)
        )
        fit = dataclasses.replace(fit, backbone=mapped, weights=list(mapped.weights))
        return fit

    def _map(self, source, target):
        """Give scale and offset that take one's moments to the other's."""
        (source_mean, source_std), (mean, std) = source, target
        varies = std > _NOISE * (1 + np.abs(mean))
        scale = np.where(varies, source_std / np.where(varies, std, 1), 1)
        scale = np.maximum(scale, _MIN_SCALE)
        offset = source_mean - scale * mean
        return 1 + self.trade_off * (scale - 1), self.trade_off * offset


def moments(X, index, sample_weight):
    n_channels = X.shape[-1]
    step = max(1, _CHUNK_BYTES // (8 * X[:1].size))

    def average(function):
        total, count = 0.0, 0.0
        for start in range(0, len(index), step):
            part = slice(start, start + step)
            rows = (
                take_rows(X, index[part])
                .reshape(len(index[part]), -1, n_channels)
                .astype(np.float64)
            )
            total += np.einsum("i,ijk->k", sample_weight[part], function(rows))
            count += sample_weight[part].sum() * rows.shape[1]
        return total / count

    mean = average(lambda rows: rows)
    return mean, np.sqrt(average(lambda rows: (rows - mean) ** 2))
