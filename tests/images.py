"""Small image tasks made from scikit-learn's embedded data."""

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

# Parts of the two sample photos, as (photo, top, bottom, left, right).
TEXTURES = {
    "petals": ("flower", 90, 330, 190, 430),
    "leaf": ("flower", 60, 340, 0, 150),
    "sky": ("china", 0, 130, 340, 640),
    "palace": ("china", 110, 390, 70, 350),
    "trees": ("china", 290, 427, 340, 640),
    "lake": ("china", 215, 290, 360, 560),
}


def resize(images, size):
    """Resize images of shape (n, height, width, 3), uint8, to `size` pixels square."""
    return np.stack(
        [
            np.asarray(Image.fromarray(image).resize((size, size), Image.BILINEAR))
            for image in images
        ]
    )


def digit_images(n, size=64):
    """Return n digits as color images of `size` pixels square, and their labels."""
    X, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(X))[:n]
    grey = (X[rows].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    return resize(np.repeat(grey[..., None], 3, axis=-1), size), y[rows]


def texture_patches(n_per_class, *, half, size=64, patch=48, seed=0):
    """Cut patches from the left (half=0) or right (half=1) half of each texture.

    Returns
    -------
    images : ndarray of shape (6 * n_per_class, size, size, 3), uint8
    labels : ndarray of shape (6 * n_per_class,)
    """
    rng = np.random.default_rng(seed)
    images, labels = [], []
    for label, (photo, top, bottom, left, right) in TEXTURES.items():
        pixels = load_sample_image(f"{photo}.jpg")
        middle = (left + right) // 2
        low, high = ((left, middle), (middle, right))[half]
        for _ in range(n_per_class):
            i = rng.integers(top, bottom - patch + 1)
            j = rng.integers(low, high - patch + 1)
            images.append(pixels[i : i + patch, j : j + patch])
            labels.append(label)
    return resize(images, size), np.array(labels)
