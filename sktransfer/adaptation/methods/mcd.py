"""MCD: two heads that disagree where the target is far from the source."""

from keras import ops

from sktransfer.adaptation.adversarial import dense_network
from sktransfer.adaptation.base import AdaptationMethod, Phase
from sktransfer.adaptation.losses import cross_entropy
from sktransfer.adaptation.parameter_checks import COUNT


class MCD(AdaptationMethod):
    r"""Train features against two heads that disagree on the target.

    A second head g' has the form of the first head g, and new random weights. Both
    learn the classes of the source. The discrepancy of their probabilities on the
    target samples is

    .. math:: D = \overline{|p_t - p'_t|}

    the mean over samples and classes. Each batch takes :math:`2 + k` gradient
    steps [1]_:

    1. all weights, on :math:`CE_s + CE'_s`;
    2. the heads, on :math:`CE_s + CE'_s - \mathrm{trade\_off} \cdot D`. The heads
       disagree on target samples that are far from the source;
    3. the features, k times, on :math:`CE_s + \mathrm{trade\_off} \cdot D`. These
       samples move to where the heads agree. The paper leaves :math:`CE_s` out of this
       step. Without it, an optimizer such as AdamW, whose steps have the same size for
       any gradient, lets the loss on the source rise.

    `trade_off` is constant. The first head predicts. Sample weights apply to its
    cross-entropy only. An epoch takes about :math:`2 + k` times as long as without
    adaptation. If the target is far from the source, all of its samples may end in one
    class, because the heads agree there too.

    Parameters
    ----------
    trade_off : float, default=1.0
        Weight of the discrepancy in steps 2 and 3; 1 in the paper.
    n_feature_steps : int, default=4
        k, the number of steps of the features on each batch.

    References
    ----------
    .. [1] Saito et al. (2018). Maximum Classifier Discrepancy for Unsupervised Domain
       Adaptation. CVPR. arXiv:1712.02560
    """

    _parameter_constraints = {"n_feature_steps": [COUNT]}

    def __init__(self, trade_off=1.0, *, n_feature_steps=4):
        self.trade_off = trade_off
        self.n_feature_steps = n_feature_steps

    def build(self, n_features, n_classes, *, dtype):
        """Make the second head; see the base class."""
        return [dense_network(n_features, (), n_classes, dtype=dtype)]

    def loss(self, batch, strength, networks):
        """Compute the discrepancy of the heads; see the base class."""
        (second_head,) = networks
        proba = ops.softmax(batch.target_logits)
        second_proba = ops.softmax(second_head(batch.target_features))
        return strength * ops.mean(ops.abs(proba - second_proba))

    def phases(self):
        """List the three kinds of steps; see the base class."""
        return [
            Phase(_second_cross_entropy),
            Phase(self._heads_loss, trains="heads"),
            *(Phase(self.loss, trains="features") for _ in range(self.n_feature_steps)),
        ]

    def _heads_loss(self, batch, strength, networks):
        second = _second_cross_entropy(batch, strength, networks)
        return second - self.loss(batch, strength, networks)


def _second_cross_entropy(batch, strength, networks):
    (second_head,) = networks
    logits = second_head(batch.source_features)
    return ops.mean(cross_entropy(logits, batch.source_y))
