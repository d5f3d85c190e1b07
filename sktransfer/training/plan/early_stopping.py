"""Early stopping: when a value has stopped improving."""

import numpy as np


class EarlyStopping:
    """Counts the epochs in which a value did not improve.

    Parameters
    ----------
    tol : float
        Least improvement that counts.
    n_iter_no_change : int
        Epochs without improvement after which training stops.
    """

    def __init__(self, tol, n_iter_no_change):
        self._tol, self._patience = tol, n_iter_no_change
        self.best, self._waited = -np.inf, 0

    def update(self, value):
        """Add a value; return whether it is the best so far."""
        self._waited = 0 if value > self.best + self._tol else self._waited + 1
        improved = value > self.best
        self.best = max(self.best, value)
        return improved

    @property
    def n_certain(self):
        """Number of epochs that are certain to run, whatever their values."""
        return self._patience + 1 - self._waited

    @property
    def should_stop(self):
        """Whether too many epochs did not improve."""
        return self._waited > self._patience
