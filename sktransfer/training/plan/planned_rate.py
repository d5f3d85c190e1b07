"""Learning rates with a warm-up and a cosine schedule."""

import numpy as np


class PlannedRate:
    """Learning rate that increases to a peak, then stays or decreases along a cosine.

    It has the values of ``keras.optimizers.schedules.CosineDecay``, but computes all
    steps at once. Keras computes one step at a time, which takes longer than the
    training of a small network.

    Parameters
    ----------
    peak : float
        Highest learning rate.
    n_steps : int
        Number of planned steps.
    n_warm_up : int
        Number of the first steps, in which it increases from 0.
    is_cosine : bool
        Whether it decreases to 0 in the other steps.
    """

    def __init__(self, peak, n_steps, *, n_warm_up, is_cosine):
        self._peak, self._n_warm_up, self._is_cosine = peak, n_warm_up, is_cosine
        self._n_cosine = max(1, n_steps - n_warm_up)

    def __call__(self, steps):
        """Return the learning rates of steps.

        Parameters
        ----------
        steps : ndarray of int
            Numbers of the steps, from 0.

        Returns
        -------
        ndarray of the same shape
        """
        factor = np.ones(np.shape(steps))
        if self._n_warm_up:
            factor = np.minimum(factor, steps / self._n_warm_up)
        if self._is_cosine:
            progress = np.clip((steps - self._n_warm_up) / self._n_cosine, 0, 1)
            factor = factor * 0.5 * (1 + np.cos(np.pi * progress))
        return self._peak * factor

    def __repr__(self):
        return repr(self._peak)


def plan_rates(settings, n_steps):
    """Replace the learning rates in settings by those of the schedule of a recipe.

    Parameters
    ----------
    settings : Settings
        Parameters of training.
    n_steps : int
        Number of gradient steps of all stages.

    Returns
    -------
    Settings
        The same object if the learning rates are constant.
    """
    n_warm_up = round(settings.warm_up * n_steps)
    is_cosine = settings.schedule == "cosine"
    if not (is_cosine or n_warm_up):
        return settings

    def planned(rate):
        return PlannedRate(rate, n_steps, n_warm_up=n_warm_up, is_cosine=is_cosine)

    head_rate = settings.head_learning_rate
    return settings.replace(
        learning_rate=planned(settings.learning_rate),
        head_learning_rate=None if head_rate is None else planned(head_rate),
    )
