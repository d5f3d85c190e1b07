"""SourceOnly: no adaptation, the baseline."""

from sktransfer.adaptation.base import AdaptationMethod


class SourceOnly(AdaptationMethod):
    """Train on the source without the target: the baseline of all other methods.

    The network is the same as that of :class:`~sktransfer.TransferClassifier` on the
    source samples. There is no loss beside their cross-entropy.

    Parameters
    ----------
    trade_off : float, default=1.0
        No effect. It lets a search over methods set `trade_off` for all of them.
    """

    def adapt(self, task):
        """Train without the target; see the base class."""
        return task.source_fit
