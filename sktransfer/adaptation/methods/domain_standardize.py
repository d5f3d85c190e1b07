"""DomainStandardize: columns of each domain by its own mean and deviation."""

import dataclasses

import numpy as np

from sktransfer._large_arrays import take_rows
from sktransfer._warnings import warn_user
from sktransfer.adaptation._parameters import SHARE
from sktransfer.adaptation._shift_test import estimate_shift
from sktransfer.adaptation.base import AdaptationMethod

_CHUNK_BYTES = 1 << 25
# A deviation is that of rounding noise up to this share of 1 + |mean|.
_NOISE = 1e-6
# Of a column that does not vary in the source; the map must have an inverse.
_MIN_SCALE = 1e-6
# Shares of classes differ grossly from this total variation on.
_GROSS_SHIFT = 0.15


class DomainStandardize(AdaptationMethod):
    r"""Put the columns of the target on the scale that they have in the source.

    There is no loss. The network is trained as by :class:`SourceOnly`; then each column
    of the target's rows is mapped onto the mean and the standard deviation that it has
    in the source,

    .. math:: x' = (1 - \alpha) x +
       \alpha \left( \frac{x - \mu_t}{\sigma_t} \sigma_s + \mu_s \right)

    with `trade_off` as :math:`\alpha`, by a layer before the network. Of images and
    sequences the columns are the channels. Where the backbone has no batch
    normalization that is trained, the features f are then mapped likewise, within the
    head. It is :class:`AdaBN` for networks that need no such layer.

    A column that does not vary in the target becomes the source's mean. Rows of several
    sources, and labeled rows of the target, are mapped onto the scale of all sources
    together before training. Several targets are taken as one, since a network gets
    rows without their domain.

    The network is for the target alone: it errs on rows of the source.

    It is harmful under label shift: where a class has more rows in the target, the
    map takes some of them for those of another class. So `guard` leaves the map out,
    with a warning, where the estimated shares of the classes in the target differ from
    those of the source by a total variation of more than 0.15, and a shift of the
    shares explains the predictions on the target, by the first of the two questions
    that :class:`LabelShift` asks. Two more networks are trained for this, each on half
    of the source.

    Parameters
    ----------
    trade_off : float, default=1.0
        Share of the map, from 0 to 1; the rest is the row as it is.
    guard : bool, default=True
        Whether the map is left out under label shift.
    """

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "trade_off": [SHARE],
        "guard": ["boolean"],
    }

    def __init__(self, trade_off=1.0, *, guard=True):
        self.trade_off = trade_off
        self.guard = guard

    def adapt(self, task):
        """Train on the source, then map the target; see the base class."""
        if self.guard and self._is_label_shift(task):
            return task.train()
        source, domains = task.source, task.source_domains
        pooled = _moments(source, domains >= 0)
        to_source = self._map(_moments(task.target), pooled)
        maps = dict.fromkeys(np.unique(domains[domains < 0]), to_source)
        sources = np.unique(domains[domains >= 0])
        if len(sources) > 1:
            for domain in sources:
                maps[domain] = self._map(_moments(source, domains == domain), pooled)
        if maps:
            task = task.move_labeled(lambda X, domains: _moved(X, domains, maps))
        return self._with_map(task, task.train(), to_source)

    def _is_label_shift(self, task):
        found = estimate_shift(task, self)
        distance = np.abs(found.prior - found.source_prior).sum() / 2
        if distance <= _GROSS_SHIFT or not found.is_plausible:
            return False
        warn_user(
            f"method={self}: the target seems to have other shares of the classes, "
            f"{found.prior.round(2).tolist()} in place of "
            f"{found.source_prior.round(2).tolist()}. Standardizing it would take rows "
            "of one class for those of another, so the network is that of "
            "method='source_only'. Consider method='label_shift', or guard=False."
        )
        return True

    def _with_map(self, task, fit, to_source):
        """Put the map before the network, and one of the features into its head."""
        from sktransfer.backbones.batch_normalization import map_inputs

        backbone = map_inputs(fit.backbone.replace(weights=fit.weights), *to_source)
        mapped = dataclasses.replace(
            fit, backbone=backbone, weights=list(backbone.weights)
        )
        if any(layer.scale or layer.center for layer in task.normalization_layers()):
            return mapped
        source = _moments(_as_rows(task.features(fit, task.source), task.source))
        target = _moments(_as_rows(task.features(mapped, task.target), task.target))
        scale, offset = self._map(target, source)
        kernel, bias = fit.head
        head = [scale[:, None] * kernel, offset @ kernel + bias]
        head = [array.astype(kernel.dtype) for array in head]
        return dataclasses.replace(mapped, head=head)

    def _map(self, moments, onto):
        """Give scale and offset that take columns of some moments to others."""
        (mean, std), (onto_mean, onto_std) = moments, onto
        varies = std > _NOISE * (1 + np.abs(mean))
        scale = np.where(varies, onto_std / np.where(varies, std, 1.0), 1.0)
        scale = np.maximum(scale, _MIN_SCALE)
        offset = onto_mean - scale * mean
        return 1 + self.trade_off * (scale - 1), self.trade_off * offset


def _as_rows(features, examples):
    index = np.arange(len(features))
    return dataclasses.replace(examples, X=features, index=index)


def _moments(examples, chosen=slice(None)):
    """Weighted mean and standard deviation of some rows, along their last axis."""
    index, weight = examples.index[chosen], examples.sample_weight[chosen]
    X = examples.X
    step = max(1, _CHUNK_BYTES // (8 * X[:1].size))

    def average(function):
        total = 0.0
        for start in range(0, len(index), step):
            part = slice(start, start + step)
            rows = take_rows(X, index[part]).astype(np.float64)
            rows = function(rows).reshape(len(rows), -1, X.shape[-1]).mean(axis=1)
            # A matrix product's sums would depend on the number of threads.
            total += np.einsum("i,ij->j", weight[part], rows)
        return total / weight.sum()

    mean = average(lambda rows: rows)
    return mean, np.sqrt(average(lambda rows: (rows - mean) ** 2))


def _moved(X, domains, maps):
    """Put each row through the map of its domain, if it has one."""
    moved = X.astype(np.result_type(X.dtype, np.float32))
    for domain, (scale, offset) in maps.items():
        rows = domains == domain
        moved[rows] = scale * X[rows] + offset
    return moved
