"""Rows to train on and rows to test on."""

import numpy as np

# The last is at most that many rows, for tables with more than the one before.
SIZES = (50, 200, 1000, 5000, 20_000)
ALL_ROWS = SIZES[-1]
_LEAST_TEST, _MOST_TEST = 50, 2000
# Tables with more rows have more rows to test on.
_LARGE, _MOST_TEST_OF_LARGE = 10_000, 4000


def split(y, size, seed):
    """Draw rows, with the classes in the fractions that they have in the table.

    Of one seed, the rows of a smaller training set are in the greater ones too, and
    test rows differ as little as they can.

    Parameters
    ----------
    y : ndarray of shape (n_rows,), int
        Classes.
    size : int
        Number of training rows. At least one is of each class. The size 20000 is at
        most that many: a fifth of the rows, or as many as are tested on in any case, is
        left to test on.
    seed : int
        Draws the rows.

    Returns
    -------
    train, test : ndarray of int, or None
        Row numbers; None where too few rows would be left to test on, and at the size
        20000 where there are no more training rows than at the size before.
    """
    large = len(y) > _LARGE
    n_test = min(_MOST_TEST_OF_LARGE if large else _MOST_TEST, len(y) // 5)
    if size == ALL_ROWS:
        size = min(size, len(y) - n_test)
        if size <= SIZES[-2]:
            return None
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
    return rows[:size], rows[size:][-n_test if large else -_MOST_TEST :]
