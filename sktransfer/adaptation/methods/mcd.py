"""MCD: two heads that disagree where the target is far from the source."""

from keras import ops

from sktransfer.adaptation._parameters import COUNT
from sktransfer.adaptation.base import AdaptationMethod, Phase, cross_entropy
from sktransfer.adaptation.methods._networks import dense_network


class MCD(AdaptationMethod):
    r"""Train features against two heads that look for disagreement on the target.

    A second head g' has the form of the first one, g, and fresh weights; both learn the
    classes of the source. On rows of the target their discrepancy is

    .. math:: D = \overline{|p_t - p'_t|}

    the mean over rows and classes of what their probabilities differ by. Each batch
    gives :math:`2 + k` gradient steps [1]_:

    1. of everything, on :math:`CE_s + CE'_s`;
    2. of the heads, on :math:`CE_s + CE'_s - \mathrm{trade\_off} \cdot D`: they find
       the rows of the target that the classes of the source do not decide;
    3. of the features, k times, on :math:`CE_s + \mathrm{trade\_off} \cdot D`: these
       rows move to where they are decided. In the paper :math:`CE_s` is not part of it;
       without it an optimizer such as AdamW, which makes steps of one size of any
       gradient, lets the loss on the source rise.

    The strength is constant. The first head predicts; weights of rows count in its
    cross-entropy alone. An epoch takes about :math:`2 + k` times as long as without a
    target. Where the target is far from the source, all of its rows may end in one
    class: two heads agree there too.

    Parameters
    ----------
    trade_off : float, default=1.0
        Factor on the discrepancy in both kinds of steps; 1 in the paper.
    n_feature_steps : int, default=4
        k, the steps of the features on each batch.

    References
    ----------
    .. [1] Saito et al. (2018). Maximum Classifier Discrepancy for Unsupervised Domain
       Adaptation. CVPR. arXiv:1712.02560
    """

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "n_feature_steps": [COUNT],
    }

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
        other = ops.softmax(second_head(batch.target_features))
        return strength * ops.mean(ops.abs(proba - other))

    def phases(self):
        """List the three kinds of steps; see the base class."""
        return [
            Phase(_of_second_head),
            Phase(self._of_heads, trains="heads"),
            *(Phase(self.loss, trains="features") for _ in range(self.n_feature_steps)),
        ]

    def _of_heads(self, batch, strength, networks):
        second = _of_second_head(batch, strength, networks)
        return second - self.loss(batch, strength, networks)


def _of_second_head(batch, strength, networks):
    (second_head,) = networks
    logits = second_head(batch.source_features)
    return ops.mean(cross_entropy(logits, batch.source_y))
