"""DomainStandardize: columns of the target on the scale of the source."""

from dataclasses import replace

import numpy as np

from sktransfer._class_prior import class_prior
from sktransfer._large_arrays import take_rows
from sktransfer._warnings import warn_user
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.label_shift_checks import estimate_label_shift
from sktransfer.adaptation.parameter_checks import FRACTION
from sktransfer.backbones.batch_normalization import find_channel_axis, map_inputs

_CHUNK_BYTES = 1 << 25
# Up to this fraction of 1 + |mean|, a standard deviation is rounding error.
_ROUNDING = 1e-6
# Scale of a column that is constant in the source; the map must be invertible.
_MIN_SCALE = 1e-6
# From this total variation on, the class priors of the domains differ too much.
_MAX_TOTAL_VARIATION = 0.15


class DomainStandardize(AdaptationMethod):
    r"""Map the columns of the target to the scale of the source.

    There is no loss. The network is trained as by :class:`SourceOnly`. Then a layer
    before the network maps each column of the target to the mean and the standard
    deviation of the source,

    .. math:: x' = (1 - \alpha) x +
       \alpha \left( \frac{x - \mu_t}{\sigma_t} \sigma_s + \mu_s \right)

    with `trade_off` as :math:`\alpha`. In images and sequences the columns are the
    channels. If the backbone has no batch normalization that is trained, the head then
    maps the features in the same way. The method does what :class:`AdaBN` does, for
    networks without batch normalization [1]_.

    A column that is constant in the target becomes the mean of the source. The samples
    of several sources, and the labeled samples of the target, are mapped before
    training to the scale of all sources together. If the class priors of the sources
    differ, as if one has a single class, the sources are not mapped. Several targets
    are one target here, because a network gets samples without their domain.

    The network is for the target only: it is wrong on source samples.

    The map does harm under label shift: if a class has more samples in the target, the
    map moves some of them to another class. So `guard` skips the map, with a warning,
    if two conditions hold. The estimated class prior of the target differs from that of
    the source by a total variation above 0.15. And it explains how the
    predictions change, by the first check of :class:`LabelShift`. This trains two more
    networks, each on half of the source.

    Parameters
    ----------
    trade_off : float, default=1.0
        Weight of the mapped sample, from 0 to 1; the rest is the original sample.
    guard : bool, default=True
        Whether the map is skipped under label shift.

    References
    ----------
    .. [1] Li et al. (2016). Revisiting Batch Normalization For Practical Domain
       Adaptation. arXiv:1603.04779
    """

    _parameter_constraints = {"trade_off": [FRACTION], "guard": ["boolean"]}

    def __init__(self, trade_off=1.0, *, guard=True):
        self.trade_off = trade_off
        self.guard = guard

    def adapt(self, task):
        """Train on the source, then map the target; see the base class."""
        if self.guard and self._is_label_shift(task):
            return task.source_fit
        source, domains = task.source, task.source_domains
        axis = find_channel_axis(task.backbone)
        all_sources = _moments(source, domains >= 0, axis)
        encoding = task.backbone.standardization

        def map_of(moments):
            scale, offset = self._affine_map(moments, all_sources)
            if encoding is not None:
                # Inputs of categories and of missing values stay as they are.
                scale[encoding.n_numbers :], offset[encoding.n_numbers :] = 1.0, 0.0
            return scale, offset

        target_map = map_of(_moments(task.target, axis=axis))
        maps = dict.fromkeys(np.unique(domains[domains < 0]), target_map)
        for domain in self._sources_to_map(task):
            moments = _moments(source, domains == domain, axis)
            maps[domain] = map_of(moments)
        if maps:
            task = task.move_labeled(
                lambda X, domains: _map_samples(X, domains, maps, axis)
            )
        return self._add_map(task, task.source_fit, target_map)

    def _sources_to_map(self, task):
        """Return the domains of several sources, if these have similar class priors."""
        samples = task.source.part(np.flatnonzero(task.source_domains >= 0))
        domains = task.domains[samples.index]
        values, counts = np.unique(domains, return_counts=True)
        if len(values) < 2:
            return ()
        y, weight = samples.y, samples.sample_weight
        prior = class_prior(y, weight, task.n_classes)
        for domain, n_samples in zip(values, counts, strict=True):
            is_domain = domains == domain
            own = class_prior(y[is_domain], weight[is_domain], task.n_classes)
            # The last term is that of a random sample with the same class prior.
            limit = _MAX_TOTAL_VARIATION + np.sqrt((task.n_classes - 1) / n_samples) / 2
            if np.abs(own - prior).sum() / 2 > limit:
                if self.guard:
                    warn_user(
                        f"method={self}: the source with sample_domain={domain} has "
                        f"the class prior {own.round(2).tolist()}, and all sources "
                        f"together {prior.round(2).tolist()}. Standardizing each "
                        "source would remove what tells the classes apart, so the "
                        "sources keep their scales."
                    )
                return ()
        return values

    def _is_label_shift(self, task):
        estimate = estimate_label_shift(task, self)
        if estimate.total_variation <= _MAX_TOTAL_VARIATION or (
            not estimate.is_plausible
        ):
            return False
        warn_user(
            f"method={self}: the target seems to have another class prior, "
            f"{estimate.target_prior.round(2).tolist()} instead of "
            f"{estimate.source_prior.round(2).tolist()}. Standardizing would move "
            "samples of one class to another, so the network is that of "
            "method='source_only'. Consider method='label_shift', or guard=False."
        )
        return True

    def _add_map(self, task, fit, target_map):
        """Put the map before the network, and a map of the features into the head."""
        backbone = map_inputs(fit.backbone, *target_map)
        map_weights = backbone.weights[:2]
        mapped = replace(
            fit,
            backbone=backbone,
            weights=[*map_weights, *fit.weights],
            start_weights=[*map_weights, *fit.start_weights],
        )
        if any(layer.scale or layer.center for layer in task.normalization_layers()):
            return mapped
        source, target = (
            _moments(replace(examples, X=features, index=np.arange(len(features))))
            for examples, features in (
                (task.source, task.features(fit, task.source)),
                (task.target, task.features(mapped, task.target)),
            )
        )
        scale, offset = self._affine_map(target, source)
        kernel, bias = fit.head
        head = [scale[:, None] * kernel, offset @ kernel + bias]
        return replace(mapped, head=[array.astype(kernel.dtype) for array in head])

    def _affine_map(self, moments, new_moments):
        """Compute scale and offset that give columns new means and deviations."""
        (mean, std), (new_mean, new_std) = moments, new_moments
        varies = std > _ROUNDING * (1 + np.abs(mean))
        scale = np.where(varies, new_std / np.where(varies, std, 1.0), 1.0)
        scale = np.maximum(scale, _MIN_SCALE)
        offset = new_mean - scale * mean
        return 1 + self.trade_off * (scale - 1), self.trade_off * offset


def _moments(examples, selected=slice(None), axis=-1):
    """Compute the weighted mean and standard deviation of each column.

    The columns are on one axis of the samples.
    """
    index, weight = examples.index[selected], examples.sample_weight[selected]
    X = examples.X
    step = max(1, _CHUNK_BYTES // (8 * X[:1].size))

    def average(function):
        total = 0.0
        for start in range(0, len(index), step):
            chunk = slice(start, start + step)
            samples = take_rows(X, index[chunk]).astype(np.float64)
            columns = np.moveaxis(samples, axis, -1).reshape(
                len(samples), -1, X.shape[axis]
            )
            columns = function(columns).mean(axis=1)
            # The sums of a matrix product would depend on the number of threads.
            total += np.einsum("i,ij->j", weight[chunk], columns)
        return total / weight.sum()

    mean = average(lambda samples: samples)
    return mean, np.sqrt(average(lambda samples: (samples - mean) ** 2))


def _map_samples(X, domains, maps, axis):
    """Apply to each sample the map of its domain, if there is one."""
    mapped = X.astype(np.result_type(X.dtype, np.float32))
    columns, mapped_columns = (np.moveaxis(array, axis, -1) for array in (X, mapped))
    for domain, (scale, offset) in maps.items():
        is_domain = domains == domain
        mapped_columns[is_domain] = scale * columns[is_domain] + offset
    return mapped
