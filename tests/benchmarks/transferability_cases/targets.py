"""The targets: rows of 64 values and their labels."""

import functools

import numpy as np
from images import TEXTURES, resize
from sklearn.datasets import load_sample_image

from transferability_cases.digits import half

_PATCH = 20
_PATCHES_A_CLASS = 60


def _new_classes():
    X, y = half("target")
    return X[y >= 5], y[y >= 5] - 5


def _textures():
    """Patches of six textures in two photos, 8 x 8 in grey; none overlap."""
    rng = np.random.default_rng(0)
    patches, labels = [], []
    for label, (photo, top, bottom, left, right) in enumerate(TEXTURES.values()):
        pixels = load_sample_image(f"{photo}.jpg")
        corners = [
            (i, j)
            for i in range(top, bottom - _PATCH + 1, _PATCH)
            for j in range(left, right - _PATCH + 1, _PATCH)
        ]
        for i, j in rng.permutation(corners)[:_PATCHES_A_CLASS]:
            patches.append(pixels[i : i + _PATCH, j : j + _PATCH])
            labels.append(label)
    grey = resize(patches, 8).mean(axis=-1) / 255
    return grey.reshape(len(grey), -1).astype(np.float32), np.array(labels)


TARGETS = {
    "inverted": functools.partial(half, "target", "inverted"),
    "rotated": functools.partial(half, "target", "rotated"),
    "thickened": functools.partial(half, "target", "thickened"),
    "digits 5-9": _new_classes,
    "textures": _textures,
}
