"""Training subsets that grow: each holds the smaller ones, and every class."""

import numpy as np


def growing_order(codes, rng):
    """Order rows so that every beginning of the order is a stratified subset.

    Parameters
    ----------
    codes : ndarray of shape (n,), int
        Classes of the rows.
    rng : numpy.random.Generator
        Source of the draw.

    Returns
    -------
    ndarray of shape (n,), int
        Positions in `codes`. The first ones are a row of each class; then the classes
        come in turns, each as often as its share of the rows asks for.
    """
    due = np.empty(len(codes))
    for code in np.unique(codes):
        rows = rng.permutation(np.flatnonzero(codes == code))
        due[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
        due[rows[0]] = 0.0
    # Rows that are due at once come in random order.
    return np.lexsort((rng.random(len(codes)), due))


def absolute_sizes(train_sizes, n_train, n_classes):
    """Turn train sizes into numbers of rows.

    Parameters
    ----------
    train_sizes : array-like of shape (n_sizes,)
        Numbers of rows, or shares of `n_train` where they are floats.
    n_train : int
        Rows of the smallest training part.
    n_classes : int
        Classes, of each of which a row is needed.

    Returns
    -------
    ndarray of shape (n_sizes,), int
        In rising order, each once.

    Raises
    ------
    ValueError
        When a size is not between the two numbers.
    """
    sizes = np.asarray(train_sizes)
    if sizes.ndim != 1 or not len(sizes) or sizes.dtype.kind not in "iuf":
        raise ValueError(
            f"train_sizes={train_sizes!r}; expected a list of numbers of rows, or of "
            "shares of the training rows in (0, 1]."
        )
    if sizes.dtype.kind == "f":
        if not ((sizes > 0) & (sizes <= 1)).all():
            raise ValueError(
                f"train_sizes={train_sizes!r} are floats, so shares of the training "
                "rows; expected values in (0, 1], or integers for numbers of rows."
            )
        # As scikit-learn's learning_curve rounds, but for 0.29 * 100 = 28.999...
        sizes = (sizes * n_train + 1e-9).astype(int)
    if sizes.max() > n_train:
        raise ValueError(
            f"train_sizes={train_sizes!r} has {sizes.max()} rows; the smallest "
            f"training part of cv has {n_train}."
        )
    if sizes.min() < n_classes:
        raise ValueError(
            f"train_sizes={train_sizes!r} has a subset of {sizes.min()} of {n_train} "
            f"training rows, which cannot hold a row of each of the {n_classes} "
            f"classes; expected at least {n_classes} rows."
        )
    return np.unique(sizes)
