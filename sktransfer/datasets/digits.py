"""load_shifted_digits: scikit-learn's digits, half of them changed."""

import numpy as np
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import StrOptions, validate_params

from sktransfer._random import make_rng

# A pixel and its four neighbors in the same image.
_CROSS = ndimage.generate_binary_structure(2, 1)[None]


@validate_params(
    {
        "kind": [StrOptions({"translated", "inverted", "rotated", "thickened"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def load_shifted_digits(kind="translated", *, random_state=None):
    """Load the 8 x 8 digits, half of them as they are and half of them changed.

    No digit is in both domains. The digits come with scikit-learn.

    Parameters
    ----------
    kind : {"translated", "inverted", "rotated", "thickened"}, default="translated"
        What is done to the target's images:

        - "translated": moved one pixel to the right, dimmed by half, with noise;
        - "inverted": dark on bright;
        - "rotated": turned by 20 to 40 degrees;
        - "thickened": strokes grown by a pixel up, down, left and right.
    random_state : int, RandomState instance or None, default=None
        Seed of the split and of the changes.

    Returns
    -------
    X : ndarray of shape (1797, 64), float64
        Flat images of the source, then of the target, with values from 0 to 1.
    y : ndarray of shape (1797,), int
        Digits 0 to 9, those of the target too.
    sample_domain : ndarray of shape (1797,), int
        0 for the source and -1 for the target.

    Examples
    --------
    >>> from sktransfer.datasets import load_shifted_digits
    >>> X, y, sample_domain = load_shifted_digits("inverted", random_state=0)
    >>> bool(X[sample_domain >= 0].mean() < 0.5 < X[sample_domain < 0].mean())
    True
    """
    rng = make_rng(random_state)
    images, y = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16
    source, target = train_test_split(
        np.arange(len(y)),
        test_size=0.5,
        stratify=y,
        random_state=int(rng.integers(2**31)),
    )
    images = np.concatenate([images[source], _CHANGES[kind](images[target], rng)])
    return (
        images.reshape(len(images), -1),
        np.concatenate([y[source], y[target]]),
        np.repeat([0, -1], [len(source), len(target)]),
    )


def _translate(images, rng):
    moved = ndimage.shift(images, (0, 0, 1), order=0)
    return np.clip(0.5 * moved + rng.normal(scale=0.1, size=moved.shape), 0, 1)


def _invert(images, rng):
    return 1 - images


def _rotate(images, rng):
    angles = rng.uniform(20, 40, len(images))
    turned = [
        ndimage.rotate(image, angle, reshape=False, order=1)
        for image, angle in zip(images, angles, strict=True)
    ]
    return np.clip(np.stack(turned), 0, 1)


def _thicken(images, rng):
    return ndimage.grey_dilation(images, footprint=_CROSS)


_CHANGES = {
    "translated": _translate,
    "inverted": _invert,
    "rotated": _rotate,
    "thickened": _thicken,
}
