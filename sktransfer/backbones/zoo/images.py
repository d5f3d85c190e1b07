"""Checks and layer names that all networks for images share."""

import re

import keras

from sktransfer._inputs.images import gray_advice
from sktransfer.exceptions import BackboneError


def check_image_shape(name, input_shape):
    """Raise BackboneError unless it is the shape of an image, with channels last."""
    if len(input_shape) != 3 or 0 in input_shape:
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
