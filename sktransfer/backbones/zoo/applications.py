"""Build networks of keras.applications."""

import inspect
import sys

import keras
import numpy as np

from sktransfer._inputs.images import gray_advice
from sktransfer._random import preserve_random_state
from sktransfer._suggestions import did_you_mean
from sktransfer.backbones.files import OldHead, load_weights
from sktransfer.backbones.zoo.images import check_image_shape, renumber
from sktransfer.exceptions import BackboneError, WeightsMismatchError

# Mean and standard deviation of ImageNet's pixels for each color: on the scale [0, 1]
# in the order RGB, and on the scale [0, 255] in the order BGR.
_MEAN_RGB = (0.485, 0.456, 0.406)
_STD_RGB = (0.229, 0.224, 0.225)
_MEAN_BGR_255 = (103.939, 116.779, 123.68)


def application_names():
    """List the networks of keras.applications.

    Returns
    -------
    list of str
        Names of all constructors, sorted.
    """
    return sorted(
        name
        for name, value in vars(keras.applications).items()
        if inspect.isfunction(value)
        and {"include_top", "weights"} <= inspect.signature(value).parameters.keys()
    )


def application_preprocessing(name):
    """Make layers that compute an application's ``preprocess_input``.

    Parameters
    ----------
    name : str
        One of :func:`application_names`.

    Returns
    -------
    list of keras.Layer
        Layers without weights, to be applied in this order. The input is images of
        shape (n, height, width, 3) with pixels from 0 to 255. The list is empty for
        networks that scale the pixels themselves.

    Raises
    ------
    BackboneError
        When there is no such application, or its preprocessing is of an unknown kind.
    """
    mode = _preprocessing_mode(name)
    if mode is None:
        return []
    with preserve_random_state():
        if mode != "caffe":
            return [_rescaling(mode)]
        # Keras has no layer that reverses channels, only an operation.
        pixels = keras.Input((None, None, 3), name="pixels")
        scaled = _preprocess(pixels, mode)
        return [keras.Model(pixels, scaled, name="preprocessing")]


def build_application(name, *, weights, input_shape, preprocess="auto"):
    """Build a network of keras.applications without its classification top.

    Parameters
    ----------
    name : str
        One of :func:`application_names`.
    weights : None, "imagenet", str or path-like
        None keeps the random initial weights. "imagenet" downloads the weights of
        Keras, into Keras's own cache. A path is that of a file with weights of this
        network, with or without its classification top, which is not needed.
    input_shape : tuple of (height, width, channels)
        Shape of one image; height and width may be None.
    preprocess : {"auto", None}, default="auto"
        With "auto" the model expects pixels from 0 to 255. With None it expects the
        output of the application's ``preprocess_input``.

    Returns
    -------
    keras.Model
        Functional, from images to feature maps of shape
        (n, height, width, n_features).

    Raises
    ------
    BackboneError
        When there is no such application, it does not accept images of this shape,
        or its weights cannot be downloaded.
    BackboneFileError
        When the weights file is missing or damaged.
    WeightsMismatchError
        When the weights in the file do not fit this network.
    """
    application = find_application(name)
    check_image_shape(name, input_shape)
    mode = _preprocessing_mode(name) if preprocess == "auto" else None
    downloaded = weights == "imagenet"
    if input_shape[-1] != 3 and (downloaded or mode in ("torch", "caffe")):
        raise BackboneError(
            f"backbone={name!r} with weights={weights!r}, preprocess={preprocess!r} "
            f"expects images with 3 channels; got input_shape={input_shape}."
            f"{gray_advice(input_shape, (None, None, 3))}"
        )
    with preserve_random_state():
        pixels = keras.Input(input_shape, name="pixels")
        try:
            network = application(
                include_top=False,
                weights="imagenet" if downloaded else None,
                input_tensor=_preprocess(pixels, mode),
                input_shape=input_shape,
                pooling=None,
            )
        except ValueError as error:
            raise BackboneError(
                f"backbone={name!r} cannot be built with input_shape={input_shape}, "
                f"weights={weights!r}: {error}"
            ) from error
        except Exception as error:
            # Keras raises an Exception of no subclass when a download fails.
            if not downloaded:
                raise
            raise BackboneError(
                f"The weights 'imagenet' of backbone={name!r} could not be "
                f"downloaded or read: {error}. Pass weights=<path of a weights file> "
                "to avoid the download, or weights=None for random weights."
            ) from error
        model = keras.Model(pixels, network.outputs[0], name=name)
    renumber(model)
    if weights is not None and not downloaded:
        _load_application_weights(model, name, weights)
    return model


def find_application(
    name, parameter="backbone", others=("auto", "tabular", "mlp", "mlp_ensemble")
):
    """Find the function of keras.applications that makes a network.

    Parameters
    ----------
    name : str
        Name of the network.
    parameter : str, default="backbone"
        Parameter that has the name, for messages.
    others : sequence of str
        Names that the parameter accepts beside those of networks.

    Returns
    -------
    callable

    Raises
    ------
    BackboneError
        If there is no such network.
    """
    names = application_names()
    if name in names:
        return getattr(keras.applications, name)
    accepted = [*others, *names]
    raise BackboneError(
        f"{parameter}={name!r} is not a network of keras.applications."
        f"{did_you_mean(name, accepted)} Accepted: {', '.join(accepted)}."
    )


def _preprocessing_mode(name):
    """Return the kind of an application's preprocessing; None if it has none."""
    application = find_application(name, "preprocess", ("auto", "None"))
    own = sys.modules[application.__module__].preprocess_input
    pixels = np.linspace(0, 255, 12).reshape(1, 2, 2, 3)
    expected = own(pixels.copy(), data_format="channels_last")
    if np.array_equal(expected, pixels):
        return None
    for mode in ("tf", "torch", "caffe"):
        result = keras.applications.imagenet_utils.preprocess_input(
            pixels.copy(), data_format="channels_last", mode=mode
        )
        if np.array_equal(expected, result):
            return mode
    raise BackboneError(
        f"The preprocessing of backbone={name!r} is of an unknown kind. Use "
        "preprocess=None, and apply its preprocess_input to X."
    )


def _preprocess(pixels, mode):
    if mode is None:
        return pixels
    if mode == "caffe":
        pixels = keras.ops.flip(pixels, axis=-1)
    return _rescaling(mode)(pixels)


def _rescaling(mode):
    if mode == "tf":
        scale, offset = 1 / 127.5, -1.0
    elif mode == "torch":
        scale = [1 / (255 * std) for std in _STD_RGB]
        offset = [-mean / std for mean, std in zip(_MEAN_RGB, _STD_RGB, strict=True)]
    else:
        scale, offset = 1.0, [-mean for mean in _MEAN_BGR_255]
    return keras.layers.Rescaling(scale, offset=offset, name="pixel_scaling")


def _load_application_weights(model, name, path):
    try:
        load_weights(model, path, lambda: OldHead([], None))
    except WeightsMismatchError as error:
        raise WeightsMismatchError(
            f"{error} Accepted for backbone={name!r}: the weights of "
            f"keras.applications.{name}, with or without its classification top."
            f"{gray_advice(model.input_shape[1:], (None, None, 3))}"
        ) from error
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            _correct_imagenet_variance(layer)


def _correct_imagenet_variance(normalization):
    """Square the variance if a file has the standard deviation in its place.

    The EfficientNet files of Keras do. Keras corrects this by one more layer, but only
    for weights="imagenet".
    """
    mean, variance, *count = normalization.get_weights()
    if variance.shape == (3,) and np.allclose(variance, _STD_RGB, atol=1e-3):
        normalization.set_weights([mean, variance**2, *count])
        normalization.finalize_state()
