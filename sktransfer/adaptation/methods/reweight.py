"""Reweight: source samples weighted by the density ratio of target and source."""

from dataclasses import replace

import numpy as np

from sktransfer._statistics import density_ratio
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.parameter_checks import POSITIVE


class Reweight(AdaptationMethod):
    r"""Train on the source, weighted by the density ratio of target and source.

    A first network is trained as by :class:`SourceOnly`. A logistic regression on its
    standardized features separates target and source [1]_. It is cross-validated: no
    sample gets a probability from a model that was trained on it. The weight of a
    source sample with features f is

    .. math:: w(f) = \left( \min \left\{ \frac{n_s}{n_t} \frac{P(t \mid f)}
       {P(s \mid f)}, \text{clip} \right\} \right)^{\alpha}

    with `trade_off` as :math:`\alpha`; a value below 1 makes the weights more equal
    [2]_. The weights are then divided by their mean. A second network is trained from
    the same start, on the weighted cross-entropy of the source.

    The method helps if the network cannot fit all of the source. A network that can
    fit all of it still has no information where the source has no samples. The method
    assumes covariate shift: the class probabilities of a sample are the same in both
    domains.

    Parameters
    ----------
    trade_off : float, default=1.0
        Exponent of the weights.
    clip : float, default=10.0
        Upper bound on the density ratio.

    References
    ----------
    .. [1] Bickel, Brückner & Scheffer (2009). Discriminative Learning Under Covariate
       Shift. JMLR 10.
    .. [2] Sugiyama, Krauledat & Müller (2007). Covariate Shift Adaptation by Importance
       Weighted Cross Validation. JMLR 8.
    """

    _parameter_constraints = {"clip": [POSITIVE]}

    def __init__(self, trade_off=1.0, *, clip=10.0):
        self.trade_off = trade_off
        self.clip = clip

    def adapt(self, task):
        """Train twice on the source; see the base class."""
        first = task.source_fit
        is_source = task.source_domains >= 0
        ratio = density_ratio(
            task.features(first, task.source.part(is_source)),
            task.features(first, task.target),
            seed=int(task.rng.integers(2**31)),
        )
        source_weights = np.minimum(ratio, self.clip) ** self.trade_off
        # Labeled target samples keep a weight of 1.
        weights = np.ones(len(task.source))
        weights[is_source] = source_weights / source_weights.mean()
        fit = task.train(sample_weight=weights)
        return replace(fit, attributes={"source_weights": weights})
