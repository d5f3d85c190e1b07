"""Checks of images: gray ones for a color network, and the scale of pixels."""

from sktransfer._large_arrays import blocks
from sktransfer._warnings import warn_user

# Pixels that are standardized, or have mean 0, are not above this value.
_MAX_STANDARDIZED = 10


def gray_advice(shape, input_shape):
    """Say how to repeat the channel of gray images for a network of color images.

    Parameters
    ----------
    shape : tuple
        Shape of one sample of X.
    input_shape : tuple
        Shape of one sample of the network; None where any size is accepted.

    Returns
    -------
    str
        Advice for the end of a message; "" if the samples are not such images.
    """
    if len(input_shape) != 3 or 3 not in (input_shape[0], input_shape[2]):
        return ""
    is_last = input_shape[2] == 3
    sides = input_shape[:2] if is_last else input_shape[1:]
    axis = -1 if is_last else 1
    if len(shape) == 3 and shape[2 if is_last else 0] == 1:
        images = "X"
    elif len(shape) == 2:
        images = "X[..., None]" if is_last else "X[:, None]"
    elif None not in sides and shape == (sides[0] * sides[1],):
        height, width = sides
        images = f"X.reshape(-1, {height}, {width}{', 1' if is_last else ''})"
        images += "" if is_last else "[:, None]"
    else:
        return ""
    return (
        f" Repeat the channel of gray images 3 times: np.repeat({images}, 3, "
        f"axis={axis})."
    )


def warn_of_scaled_pixels(X, name):
    """Warn if X has images that are scaled already, for a network that scales pixels.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        Samples.
    name : str
        Parameter that scales pixels from 0 to 255.
    """
    low, high = 0.0, 0.0
    for images in blocks(X):
        low, high = min(low, images.min()), max(high, images.max())
        if high > _MAX_STANDARDIZED:
            return
    if low < high and (high <= 1 or low < 0):
        warn_user(
            f"{name} expects pixels from 0 to 255, and X has values from {low:.3g} to "
            f"{high:.3g}, as if they were scaled already. Use pixels that are not "
            "scaled, such as 255 * X for pixels from 0 to 1, or preprocess=None for "
            "the output of preprocess_input."
        )
