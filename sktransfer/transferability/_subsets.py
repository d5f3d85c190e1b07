"""Nested training subsets: each contains the smaller ones, and every class."""

import numpy as np


def growing_order(codes, rng):
    """Order samples so that the first n are a stratified subset, for each n.

    Parameters
    ----------
    codes : ndarray of shape (n,), int
        Class of each sample.
    rng : numpy.random.Generator
        Random numbers.

    Returns
    -------
    ndarray of shape (n,), int
        Positions in `codes`. The first ones are one sample of each class; after them,
        each class comes in proportion to its frequency.
    """
    rank = np.empty(len(codes))
    for code in np.unique(codes):
        members = rng.permutation(np.flatnonzero(codes == code))
        rank[members] = (np.arange(len(members)) + 0.5) / len(members)
        rank[members[0]] = 0.0
    # Samples of the same rank come in random order.
    return np.lexsort((rng.random(len(codes)), rank))


def absolute_sizes(train_sizes, n_train, n_classes):
    """Convert train_sizes to numbers of samples.

    Parameters
    ----------
    train_sizes : array-like of shape (n_sizes,)
        Integers are numbers of samples, floats are fractions of `n_train`.
    n_train : int
        Size of the smallest training set.
    n_classes : int
        Number of classes; a subset needs a sample of each.

    Returns
    -------
    ndarray of shape (n_sizes,), int
        Unique, in increasing order.

    Raises
    ------
    ValueError
        When a size is less than `n_classes` or greater than `n_train`.
    """
    sizes = np.asarray(train_sizes)
    if sizes.ndim != 1 or not len(sizes) or sizes.dtype.kind not in "iuf":
        raise ValueError(
            f"train_sizes={train_sizes!r}; expected a list of numbers of samples, or "
            "of fractions of the training set in (0, 1]."
        )
    if sizes.dtype.kind == "f":
        if not ((sizes > 0) & (sizes <= 1)).all():
            raise ValueError(
                f"train_sizes={train_sizes!r} are floats, so fractions of the training "
                "set; expected values in (0, 1], or integers for numbers of samples."
            )
        # Rounded down as in scikit-learn's learning_curve, but 0.29 * 100 is 29.
        sizes = (sizes * n_train + 1e-9).astype(int)
    if sizes.max() > n_train:
        raise ValueError(
            f"train_sizes={train_sizes!r} has {sizes.max()} samples; the smallest "
            f"training set of cv has {n_train}."
        )
    if sizes.min() < n_classes:
        raise ValueError(
            f"train_sizes={train_sizes!r} has a subset of {sizes.min()} of {n_train} "
            f"training samples, which cannot have a sample of each of the {n_classes} "
            f"classes; expected at least {n_classes} samples."
        )
    return np.unique(sizes)
