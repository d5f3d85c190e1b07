"""Checks and layer names that all networks for images share."""

import os
import re

import keras

from sktransfer._inputs.images import gray_advice
from sktransfer.exceptions import BackboneError


def check_preprocess(preprocess):
    """Raise BackboneError unless `preprocess` is "auto" or None."""
    if preprocess not in ("auto", None):
        raise BackboneError(
            f"preprocess={preprocess!r} is not accepted; expected 'auto' or None."
        )


def check_weights(weights):
    """Raise TypeError unless `weights` is None, a name or a path."""
    if weights is not None and not isinstance(weights, (str, os.PathLike)):
        raise TypeError(
            "weights must be None, a name or the path of a weights file; got "
            f"{type(weights).__name__}."
        )


def check_image_shape(name, input_shape):
    """Check the shape of one image; return it as a tuple of int and None."""
    try:
        height, width, channels = input_shape
        sizes = [channels, *(side for side in (height, width) if side is not None)]
        shape = (height, width, channels)
        valid = all(int(size) == size and size >= 1 for size in sizes)
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise BackboneError(
            f"backbone={name!r} expects images: input_shape must be (height, width, "
            f"channels), positive integers; got {input_shape!r}."
            f"{_gray_advice(input_shape)}"
        )
    if keras.config.image_data_format() != "channels_last":
        raise BackboneError(
            f"backbone={name!r} expects images with the channels last; got "
            f"keras.config.image_data_format()="
            f"{keras.config.image_data_format()!r}."
        )
    return tuple(None if size is None else int(size) for size in shape)


def _gray_advice(input_shape):
    is_shape = isinstance(input_shape, tuple) and len(input_shape) == 2
    return gray_advice(input_shape, (None, None, 3)) if is_shape else ""


def renumber(model):
    """Give layers the names that they have in a new process.

    Keras counts layers with automatic names through the whole process. A name in
    `feature_layer` or `frozen_depth` must not depend on earlier models.
    """
    numbered = {}
    for operation in model.operations:
        stem, number = re.fullmatch(r"(.+?)(?:_(\d+))?", operation.name).groups()
        if stem.replace("_", "") == type(operation).__name__.lower():
            numbered.setdefault(stem, []).append((int(number or 0), operation))
    for stem, operations in numbered.items():
        operations.sort(key=lambda pair: pair[0])
        for i, (_, operation) in enumerate(operations):
            operation.name = f"{stem}_{i}" if i else stem
