"""The backbones, and the layers at which they are cut."""

import functools

import keras
import numpy as np
from efficientnet_lite0 import pretrained

from sktransfer import Backbone, BackboneFeatures, TransferClassifier
from transferability_cases.digits import half

layers = keras.layers


def dense(width=128):
    """A network of two hidden layers."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(width, activation="relu", name="first"),
            layers.Dense(width // 2, activation="relu", name="last"),
        ],
        name="dense",
    )


def convolutional():
    """A network of two convolutions and a hidden layer."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Reshape((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(name="first"),
            layers.Dense(64, activation="relu", name="last"),
        ],
        name="convolutional",
    )


def pixels():
    """A network without weights: its features are the raw inputs."""
    return keras.Sequential(
        [keras.Input((64,)), layers.Activation("linear", name="pixels")], name="pixels"
    )


def imagenet():
    """EfficientNet-Lite0 for the same rows, which it sees as 32 x 32 color images."""
    inputs = keras.Input((64,))
    x = layers.Reshape((8, 8, 1))(inputs)
    x = layers.Resizing(32, 32)(x)
    x = layers.Concatenate()([x, x, x])
    x = layers.Rescaling(255)(x)
    return keras.Model(inputs, pretrained((32, 32, 3))(x), name="imagenet")


def _even(y, rng):
    return y % 2


def _shuffled(y, rng):
    return rng.permutation(y)


def _trained(network=dense, change=None, digits=range(10), labels=None, n_rows=None):
    """Train a network on rows of the source.

    Parameters
    ----------
    network : callable
        Gives the network.
    change : str or None
        What is done to the images.
    digits : iterable of int
        The digits that the source has.
    labels : callable or None
        From the digits to what is learned instead.
    n_rows : int or None
        Number of rows, if not all.

    Returns
    -------
    TransferClassifier
    """
    rng = np.random.default_rng(0)
    X, y = half("source", change)
    rows = np.flatnonzero(np.isin(y, list(digits)))[:n_rows]
    X, y = X[rows], y[rows]
    if labels is not None:
        y = labels(y, rng)
    return TransferClassifier(
        network, weights=None, epochs=30, learning_rate=3e-3, random_state=0
    ).fit(X, y)


_train = functools.partial(functools.partial, _trained)
_LOW, _HIGH = range(5), range(5, 10)
_SOURCES = {
    "dense": _train(),
    "dense on 0-4": _train(digits=_LOW),
    "dense on 5-9": _train(digits=_HIGH),
    "dense on inverted": _train(change="inverted"),
    "dense on rotated": _train(change="rotated"),
    "dense on thickened": _train(change="thickened"),
    "dense 16 wide": _train(functools.partial(dense, 16)),
    "dense 512 wide": _train(functools.partial(dense, 512)),
    "dense on 100 rows": _train(n_rows=100),
    "dense on even or odd": _train(labels=_even),
    "dense on wrong labels": _train(labels=_shuffled),
    "convolutional": _train(convolutional),
    "convolutional on 0-4": _train(convolutional, digits=_LOW),
    "convolutional on inverted": _train(convolutional, change="inverted"),
    "convolutional on rotated": _train(convolutional, change="rotated"),
}
_RANDOM = {"dense random": dense, "convolutional random": convolutional}
_OTHERS = {"ImageNet": imagenet, "raw inputs": pixels}
BACKBONES = (*_SOURCES, *_RANDOM, *_OTHERS)


def feature_layers(name):
    """Names of the layers at which a backbone is cut, from the input."""
    if name == "ImageNet":
        return ("block4_add", "block10_add")
    return ("pixels",) if name == "raw inputs" else ("first", "last")


@functools.cache
def source(name):
    """The classifier whose backbone it is, or None."""
    return _SOURCES[name]() if name in _SOURCES else None


@functools.cache
def backbone(name):
    """A backbone by name."""
    if name in _SOURCES:
        return source(name).backbone_
    if name in _RANDOM:
        X, _ = half("source")
        untrained = BackboneFeatures(_RANDOM[name], weights=None, random_state=0).fit(X)
        # Fine-tuned as the others are, from the weights that are scored.
        return untrained.backbone_.replace(pretrained=True)
    return Backbone.from_model(_OTHERS[name]())


def parameters(name, layer):
    """Parameters of `TransferClassifier` that fine-tune a candidate."""
    chosen = {"backbone": backbone(name), "feature_layer": layer}
    if name == "ImageNet":
        chosen["epochs"] = 5
    return chosen
