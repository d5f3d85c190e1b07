"""MME: head and features trained against each other on the entropy of the target."""

from dataclasses import replace

import numpy as np
from keras import ops

from sktransfer.adaptation.adversarial import reverse_gradient
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.losses import entropy
from sktransfer.adaptation.parameter_checks import POSITIVE
from sktransfer.backbones.unit_features import scale_to_unit


class MME(AdaptationMethod):
    r"""Train head and features against each other on the entropy of the target.

    This method is for a target with a few labels, with ``target_labels="use"``. Before
    the head, the features are divided by their length and by a temperature T. So each
    column of the kernel of the head is a prototype of a class. The probabilities of all
    target samples, labeled or not, are :math:`p_t`. The loss is [1]_

    .. math:: -\mathrm{trade\_off} \cdot \overline{H(p_t)}

    The head minimizes it, which moves the prototypes to the target. The gradient that
    reaches the features is reversed, so that the features gather around the prototypes.
    `trade_off` is constant.

    In the paper each batch has as many labeled samples of the target as of the source.
    Here the labeled samples of both are shuffled together. The weights of those of the
    target are multiplied by a factor, so that both domains have the same total weight.
    The head has a bias.

    Parameters
    ----------
    trade_off : float, default=0.1
        Weight of the entropy, for head and features.
    temperature : float, default=0.05
        T.

    References
    ----------
    .. [1] Saito et al. (2019). Semi-supervised Domain Adaptation via Minimax Entropy.
       ICCV. arXiv:1904.06487
    """

    _parameter_constraints = {"temperature": [POSITIVE]}

    def __init__(self, trade_off=0.1, *, temperature=0.05):
        self.trade_off = trade_off
        self.temperature = temperature

    def loss(self, batch, strength, networks):
        """Compute the negative entropy; see the base class."""
        logits = batch.head(reverse_gradient(batch.target_features, 1))
        return -strength * ops.mean(entropy(logits))

    def adapt(self, task):
        """Train with the head on scaled features; see the base class."""
        is_target = task.source_domains < 0
        if not is_target.any():
            raise ValueError(
                f"method={self} needs labels of some target samples, and got none. "
                "Pass target_labels='use' and, in y, labels of samples with a "
                "sample_domain below 0. Unlabeled samples have None in y."
            )
        weight = task.source.sample_weight
        factor = weight[~is_target].sum() / weight[is_target].sum()
        factors = np.where(is_target, factor, 1.0)
        backbone = scale_to_unit(task.backbone, 1 / self.temperature)
        fit = task.train(self, backbone=backbone, sample_weight=factors)
        return replace(fit, attributes=fit.attributes | {"source_weights": factors})
