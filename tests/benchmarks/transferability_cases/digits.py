"""The embedded digits in two halves, as they are or changed."""

import functools

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sktransfer.datasets.digits import _CHANGES


@functools.cache
def half(which, change=None):
    """One half of the digits; no digit is in both.

    Parameters
    ----------
    which : {"source", "target"}
        The half that backbones are trained on, or the other one.
    change : {"translated", "inverted", "rotated", "thickened"} or None
        What is done to the images.

    Returns
    -------
    X : ndarray of shape (n_samples, 64), float32
    y : ndarray of shape (n_samples,), int
    """
    images, y = load_digits(return_X_y=True)
    rows = train_test_split(
        np.arange(len(y)), test_size=0.5, stratify=y, random_state=0
    )
    rows = rows[which == "target"]
    images = images[rows].reshape(-1, 8, 8) / 16
    if change is not None:
        images = _CHANGES[change](images, np.random.default_rng(0))
    return images.reshape(len(rows), -1).astype(np.float32), y[rows]
