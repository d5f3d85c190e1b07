"""load_shifted_digits: the digits of scikit-learn, with half of them changed."""

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
    """Load 8 x 8 images of digits: a source, and a target with changed images.

    The source is one half of the digits of scikit-learn, and the target is the other
    half. No image is in both domains.

    Parameters
    ----------
    kind : {"translated", "inverted", "rotated", "thickened"}, default="translated"
        Change of the target images:

        - "translated": moved by one pixel to the right, half as bright, with noise;
        - "inverted": dark digits on a bright background;
        - "rotated": rotated by 20 to 40 degrees;
        - "thickened": strokes thicker by one pixel on each side.
    random_state : int, RandomState instance or None, default=None
        Seed of the split and of the changes of images.

    Returns
    -------
    X : ndarray of shape (1797, 64), float64
        Flat images of the source, then of the target, with values from 0 to 1.
    y : ndarray of shape (1797,), int
        Digits 0 to 9, also for the target.
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
    images = np.concatenate([images[source], _change(images[target], kind, rng)])
    return (
        images.reshape(len(images), -1),
        np.concatenate([y[source], y[target]]),
        np.repeat([0, -1], [len(source), len(target)]),
    )


def _change(images, kind, rng):
    """Change the images of the target."""
    if kind == "translated":
        moved = ndimage.shift(images, (0, 0, 1), order=0)
        return np.clip(0.5 * moved + rng.normal(scale=0.1, size=moved.shape), 0, 1)
    if kind == "inverted":
        return 1 - images
    if kind == "thickened":
        return ndimage.grey_dilation(images, footprint=_CROSS)
    angles = rng.uniform(20, 40, len(images))
    rotated = [
        ndimage.rotate(image, angle, reshape=False, order=1)
        for image, angle in zip(images, angles, strict=True)
    ]
    return np.clip(np.stack(rotated), 0, 1)
