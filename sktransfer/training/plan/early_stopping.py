"""Early stopping by a value that no longer improves."""

import numpy as np


class EarlyStopping:
    """Counts the epochs in which a value did not improve.

    Parameters
    ----------
    tol : float
        Minimum improvement.
    n_iter_no_change : int
        Number of epochs without an improvement after which training stops.
    """

    def __init__(self, tol, n_iter_no_change):
        self._tol, self._patience = tol, n_iter_no_change
        self.best, self._waited = -np.inf, 0

    def update(self, value):
        """Add the value of an epoch; return whether it is the best so far."""
        self._waited = 0 if value > self.best + self._tol else self._waited + 1
        improved = value > self.best
        self.best = max(self.best, value)
        return improved

    @property
    def n_epochs_left(self):
        """Minimum number of further epochs before training can stop."""
        return self._patience + 1 - self._waited

    @property
    def should_stop(self):
        """Whether training should stop."""
        return self._waited > self._patience
