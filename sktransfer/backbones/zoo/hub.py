"""Build networks from presets of keras-hub."""

import json
from pathlib import Path

import keras
import numpy as np

from sktransfer._extras import import_extra
from sktransfer._inputs.images import gray_advice
from sktransfer._random import preserve_random_state
from sktransfer.backbones.files import check_config, load_weights
from sktransfer.backbones.zoo.images import check_image_shape, renumber
from sktransfer.exceptions import BackboneError


def build_hub(preset, *, weights, input_shape, preprocess="auto"):
    """Build an image backbone of keras-hub.

    Parameters
    ----------
    preset : str
        Name of a preset, or the directory of a local one.
    weights : "auto", None, str or path-like
        "auto" loads the weights of the preset. None keeps random initial weights. A
        path is that of a file with other weights for the same architecture.
    input_shape : tuple of (height, width, channels)
        Shape of one image.
    preprocess : {"auto", None}, default="auto"
        With "auto" the model expects pixels from 0 to 255, and scales them as the
        image converter of the preset does, if it has one. With None pixels are not
        scaled. Images are never resized.

    Returns
    -------
    keras.Model
        Functional. It contains the backbone of keras-hub as a functional model.

    Raises
    ------
    ImportError
        When keras-hub is not installed.
    BackboneError
        When the preset cannot be loaded, is not an image backbone with one input and
        one output, or does not accept images of this shape.
    UnsafeFileError
        When a local preset names classes that are not part of Keras or keras-hub.
    WeightsMismatchError
        When the weights in the file do not fit this network.
    """
    name = f"hub:{preset}"
    keras_hub = import_extra("keras_hub", f"backbone={name!r}", "sktransfer[hub]")
    if weights == "imagenet":
        raise BackboneError(
            f"weights='imagenet' is not possible with backbone={name!r}: a preset has "
            "its own weights. Accepted: 'auto' (the preset's weights), None (random "
            "weights) or the path of a weights file."
        )
    with preserve_random_state():
        network = _load_hub_network(keras_hub, preset, load_weights=weights == "auto")
        check_image_shape(name, input_shape)
        pixels = keras.Input(input_shape, name="pixels")
        scaled = pixels
        if preprocess == "auto":
            scaled = _hub_rescaling(keras_hub, preset, input_shape)(pixels)
        try:
            _check_fits(network, input_shape)
            outputs = network(scaled)
        except ValueError as error:
            raise BackboneError(
                f"backbone={name!r} does not accept images of "
                f"input_shape={input_shape}: {error}"
            ) from error
        model = keras.Model(pixels, outputs, name=network.name)
    if weights not in ("auto", None):
        load_weights(network, weights)
    return model


def _load_hub_network(keras_hub, preset, *, load_weights):
    """Load a preset's backbone as a plain functional model."""
    try:
        _check_local_preset(preset)
        backbone = keras_hub.models.Backbone.from_preset(
            preset, load_weights=load_weights
        )
    except BackboneError:
        raise
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BackboneError(
            f"backbone='hub:{preset}' could not be loaded by keras-hub: {error}"
        ) from error
    inputs, outputs = backbone.inputs, backbone.outputs
    if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4:
        names = [tensor.name for tensor in inputs]
        raise BackboneError(
            f"backbone='hub:{preset}' has {len(inputs)} inputs {names} and "
            f"{len(outputs)} outputs; only image backbones with a single input of "
            "shape (n, height, width, channels) and a single output are supported."
        )
    network = keras.Model(inputs[0], outputs[0], name=backbone.name)
    renumber(network)
    return network


def _check_fits(network, input_shape):
    own = network.input_shape[1:]
    if any(size not in (None, got) for size, got in zip(own, input_shape, strict=True)):
        raise ValueError(
            f"the preset expects {own}, where None is any size."
            f"{gray_advice(input_shape, own)}"
        )


def _check_local_preset(preset):
    for name in ("config.json", "image_converter.json"):
        path = Path(preset, name)
        if path.is_file():
            check_config(json.loads(path.read_text(encoding="utf-8")), path)


def _hub_rescaling(keras_hub, preset, input_shape):
    """Make a layer that scales pixels as the preset's image converter does."""
    try:
        converter = keras_hub.layers.ImageConverter.from_preset(preset)
    except FileNotFoundError:
        # A backbone that was saved alone has no converter and does not scale images.
        return keras.layers.Identity()
    except ValueError as error:
        raise BackboneError(
            f"preprocess='auto' cannot use the image converter of "
            f"backbone='hub:{preset}': {error} Use preprocess=None, and scale X as "
            "the backbone expects."
        ) from error
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    channels = {np.size(scale), np.size(offset)} - {1}
    if channels and channels != {input_shape[-1]}:
        raise BackboneError(
            f"backbone='hub:{preset}' with preprocess='auto' expects images with "
            f"{max(channels)} channels; got input_shape={input_shape}."
            f"{gray_advice(input_shape, (None, None, max(channels)))}"
        )
    return keras.layers.Rescaling(scale, offset=offset, name="pixel_scaling")
