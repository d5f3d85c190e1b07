"""Source only: no adaptation, the baseline."""

from sktransfer.adaptation.base import AdaptationMethod


class SourceOnly(AdaptationMethod):
    """Train on the source and leave the target out: the baseline of all others.

    The network is that of :class:`~sktransfer.TransferClassifier` on the rows of the
    source.

    Parameters
    ----------
    trade_off : float, default=1.0
        Without effect; here for searches over methods.
    """

    def adapt(self, task):
        """Train without the target; see the base class."""
        return task.train()
