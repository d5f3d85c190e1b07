"""MCD: two heads that disagree where the target is far from the source."""

from keras import ops

from sktransfer.adaptation.adversarial import dense_network
from sktransfer.adaptation.base import AdaptationMethod, Phase
from sktransfer.adaptation.losses import cross_entropy
from sktransfer.adaptation.parameter_checks import COUNT, NON_NEGATIVE

# Keeps the logarithm finite; the value of the authors' code.
_EPSILON = 1e-6


class MCD(AdaptationMethod):
    r"""Train features against two heads that disagree on the target.

    A second head g' has the form of the first head g, and new random weights. Both
    learn the classes of the source. The discrepancy of their probabilities on the
    target samples is

    .. math:: D = \overline{|p_t - p'_t|}

    the mean over samples and classes. The balance of the classes is

    .. math:: B = -\overline{\log \overline{p_t}} - \overline{\log \overline{p'_t}}

    with the inner means over the target samples of a batch and the outer ones over
    classes. It is smallest if all classes are equally frequent. The paper has no such
    term, but the code of its authors has it. Each batch takes :math:`2 + k` gradient
    steps [1]_:

    1. all weights, on :math:`CE_s + CE'_s + \beta B`;
    2. the heads, on :math:`CE_s + CE'_s + \beta B - \mathrm{trade\_off} \cdot D`. The
       heads disagree on target samples that are far from the source;
    3. the features, k times, on :math:`CE_s + \mathrm{trade\_off} \cdot D`. These
       samples move to where the heads agree. The paper leaves :math:`CE_s` out of this
       step. Without it, an optimizer such as AdamW, whose steps have the same size for
       any gradient, lets the loss on the source rise.

    Here :math:`\beta` is `trade_off` times `class_balance`. `trade_off` is constant.
    The first head predicts. Sample weights apply to its cross-entropy only. An epoch
    takes about :math:`2 + k` times as long as without adaptation.

    Parameters
    ----------
    trade_off : float, default=1.0
        Weight of the discrepancy in steps 2 and 3; 1 in the paper.
    n_feature_steps : int, default=4
        k, the number of steps of the features on each batch.
    class_balance : float, default=0.1
        Weight of B, relative to `trade_off`. With 0, a target far from the source may
        end in one class, because the heads agree there too. A large value does harm if
        the classes of the target are not equally frequent.

    References
    ----------
    .. [1] Saito et al. (2018). Maximum Classifier Discrepancy for Unsupervised Domain
       Adaptation. CVPR. arXiv:1712.02560
    """

    _parameter_constraints = {
        "n_feature_steps": [COUNT],
        "class_balance": [NON_NEGATIVE],
    }

    def __init__(self, trade_off=1.0, *, n_feature_steps=4, class_balance=0.1):
        self.trade_off = trade_off
        self.n_feature_steps = n_feature_steps
        self.class_balance = class_balance

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
            Phase(self._classes_loss),
            Phase(self._heads_loss, trains="heads"),
            *(Phase(self.loss, trains="features") for _ in range(self.n_feature_steps)),
        ]

    def _classes_loss(self, batch, strength, networks):
        """Compute the loss of the second head on the source, and the balance."""
        (second_head,) = networks
        on_source = second_head(batch.source_features)
        on_target = batch.target_logits, second_head(batch.target_features)
        balance = sum(_balance(logits) for logits in on_target)
        source_loss = ops.mean(cross_entropy(on_source, batch.source_y))
        return source_loss + self.class_balance * strength * balance

    def _heads_loss(self, batch, strength, networks):
        classes_loss = self._classes_loss(batch, strength, networks)
        return classes_loss - self.loss(batch, strength, networks)


def _balance(logits):
    mean = ops.mean(ops.softmax(logits), axis=0)
    return -ops.mean(ops.log(mean + _EPSILON))
