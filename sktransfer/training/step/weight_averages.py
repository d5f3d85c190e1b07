"""Moving averages of weights, which replace the weights after training."""

import contextlib


class WeightAverages:
    """Replaces weights by the averages of Keras optimizers with ``use_ema=True``.

    Parameters
    ----------
    optimizer : GroupedOptimizer
        Has the averages.
    update : callable
        Called when the variables of the optimizer have new values.
    """

    def __init__(self, optimizer, update):
        self._optimizer, self._update = optimizer, update
        self._last = self._values()

    @contextlib.contextmanager
    def use(self):
        """Return a context in which the averages replace the weights."""
        self.keep()
        yield
        self.start(self._last)

    def keep(self):
        """Replace the weights by the averages, and store the last weights."""
        self._last = self._values()
        self._optimizer.finalize()
        self._update()

    def start(self, state=()):
        """Restore the last weights of an earlier state, if any."""
        for variable, value in zip(self._optimizer.variables, state, strict=False):
            variable.assign(value)
        self._update()

    def state(self):
        """Return the last weights before averaging, a list of ndarray."""
        return self._last

    def _values(self):
        return [variable.numpy() for variable in self._optimizer.variables]
