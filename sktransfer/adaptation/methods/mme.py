"""MME: prototypes of classes drawn to the target, and features drawn to them."""

from dataclasses import replace

import numpy as np
from keras import ops

from sktransfer.adaptation._parameters import POSITIVE
from sktransfer.adaptation.base import AdaptationMethod, entropy, reverse_gradient
from sktransfer.backbones.unit_features import scale_to_unit


class MME(AdaptationMethod):
    r"""Train features and head against one another on the entropy of the target.

    For a target of which a few rows have labels, with ``target_labels="use"``. The
    features f are divided by their length and a temperature T before the head, whose
    columns thus are prototypes of the classes. With :math:`p_t` its probabilities for
    rows of the target, labeled or not, the loss is [1]_

    .. math:: -\mathrm{trade\_off} \cdot \overline{H(p_t)}

    The head steps down it, which draws the prototypes to the target; the gradient that
    reaches the features is reversed, so that they gather around the prototypes. The
    strength is constant.

    In the paper each batch has as many labeled rows of the target as of the source.
    Here they are anywhere among the labeled rows, and their weights are multiplied
    such that their sum is that of the source's. The head has a bias.

    Parameters
    ----------
    trade_off : float, default=0.1
        Factor on the entropy, for head and features.
    temperature : float, default=0.05
        T.

    References
    ----------
    .. [1] Saito et al. (2019). Semi-supervised Domain Adaptation via Minimax Entropy.
       ICCV. arXiv:1904.06487
    """

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "temperature": [POSITIVE],
    }

    def __init__(self, trade_off=0.1, *, temperature=0.05):
        self.trade_off = trade_off
        self.temperature = temperature

    def loss(self, batch, strength, networks):
        """Compute the negative entropy; see the base class."""
        logits = batch.head(reverse_gradient(batch.target_features, 1))
        return -strength * ops.mean(entropy(logits))

    def adapt(self, task):
        """Train with the head on scaled features; see the base class."""
        of_target = task.source_domains < 0
        if not of_target.any():
            raise ValueError(
                f"method={self} needs labels of some rows of the target, and none can "
                "be used. Pass target_labels='use' and, in y, labels of rows with a "
                "sample_domain less than 0; the rest of them may be None."
            )
        weight = task.source.sample_weight
        factor = weight[~of_target].sum() / weight[of_target].sum()
        factors = np.where(of_target, factor, 1.0)
        backbone = scale_to_unit(task.backbone, 1 / self.temperature)
        fit = task.train(self, backbone=backbone, sample_weight=factors)
        return replace(fit, attributes=fit.attributes | {"source_weights": factors})
