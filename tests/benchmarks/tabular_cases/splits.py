"""Rows to train on and rows to test on."""

import numpy as np

SIZES = (20, 50, 200, 1000)
_LEAST_TEST, _MOST_TEST = 50, 2000


def split(y, size, seed):
    """Draw rows, with the classes in the shares that they have in the table.

    Of one seed, the rows of a smaller training set are in the greater ones too, and
    test rows differ as little as they can.

    Parameters
    ----------
    y : ndarray of shape (n_rows,), int
        Classes.
    size : int
        Number of training rows. At least one is of each class.
    seed : int
        Draws the rows.

    Returns
    -------
    train, test : ndarray of int, or None
        Row numbers; None where too few rows would be left to test on.
    """
    if len(y) - size < _LEAST_TEST:
        return None
    rows = np.random.default_rng(seed).permutation(len(y))
    place = np.empty(len(y))
    for c in np.unique(y):
        of_class = y[rows] == c
        n = of_class.sum()
        # Spread over the whole order, but for the first one.
        place[of_class] = np.r_[0.0, (np.arange(1, n) + 0.5) / n]
    rows = rows[np.argsort(place, kind="stable")]
    return rows[:size], rows[size:][-_MOST_TEST:]
