"""Moving averages of weights, as optimizers keep them, in the place of the weights."""

import contextlib


class NoAverages:
    """The weights are used as the last step left them."""

    def shown(self):
        """Put the averages in place, for a while."""
        return contextlib.nullcontext()

    def keep(self):
        """Put the averages in place, for good."""

    def start(self, state=()):
        """Go on from an earlier state."""

    def state(self):
        """Return what :meth:`start` needs to go on, as a list of ndarray."""
        return []


class WeightAverages(NoAverages):
    """What Keras optimizers with ``use_ema=True`` average takes the weights' place.

    Parameters
    ----------
    optimizer : GroupedOptimizer
        With the averages.
    put : callable
        Called after variables of the optimizer have got other values.
    """

    def __init__(self, optimizer, put):
        self._optimizer, self._put = optimizer, put
        self._last = self._values()

    @contextlib.contextmanager
    def shown(self):
        """Put the averages in place, for a while; see the base class."""
        self.keep()
        yield
        self.start(self._last)

    def keep(self):
        """Put the averages in place, and note the last weights."""
        self._last = self._values()
        self._optimizer.finalize()
        self._put()

    def start(self, state=()):
        """Put the last weights in place, if there are any."""
        for variable, value in zip(self._optimizer.variables, state, strict=False):
            variable.assign(value)
        self._put()

    def state(self):
        """Return the last weights, without averaging."""
        return self._last

    def _values(self):
        return [variable.numpy() for variable in self._optimizer.variables]
