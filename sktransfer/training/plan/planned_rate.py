"""Learning rates over a planned number of steps: warm-up, and a cosine."""

from dataclasses import replace

import numpy as np


class PlannedRate:
    """A rate that rises to its peak, and stays there or falls along a cosine.

    What ``keras.optimizers.schedules.CosineDecay`` computes, for all steps at once:
    Keras's takes one step after another, which for a small network takes longer than
    the training.

    Parameters
    ----------
    peak : float
        Greatest learning rate.
    n_steps : int
        Planned steps.
    n_rising : int
        Those of them over which it rises from 0.
    falls : bool
        Whether it falls to 0 over the others.
    """

    def __init__(self, peak, n_steps, *, n_rising, falls):
        self._peak, self._rising, self._falls = peak, n_rising, falls
        self._falling = max(1, n_steps - n_rising)

    def __call__(self, steps):
        """Evaluate the rate.

        Parameters
        ----------
        steps : ndarray of int
            Steps, from 0.

        Returns
        -------
        ndarray of the same shape
        """
        factor = np.minimum(1.0, steps / max(1, self._rising))
        if self._rising == 0:
            factor = np.ones(np.shape(steps))
        if self._falls:
            fallen = np.clip((steps - self._rising) / self._falling, 0, 1)
            factor = factor * 0.5 * (1 + np.cos(np.pi * fallen))
        return self._peak * factor

    def __repr__(self):
        return repr(self._peak)


def plan_rates(settings, n_steps):
    """Put the rates of a recipe's schedule into settings.

    Parameters
    ----------
    settings : Settings
        With `schedule` and `warm_up`.
    n_steps : int
        Planned gradient steps, over all stages.

    Returns
    -------
    Settings
        The same where the rates are constant.
    """
    n_rising = round(settings.warm_up * n_steps)
    falls = settings.schedule == "cosine"
    if not (falls or n_rising):
        return settings

    def planned(rate):
        return PlannedRate(rate, n_steps, n_rising=n_rising, falls=falls)

    head = settings.head_learning_rate
    return replace(
        settings,
        learning_rate=planned(settings.learning_rate),
        head_learning_rate=None if head is None else planned(head),
    )
