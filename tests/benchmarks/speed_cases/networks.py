"""Networks, rows and neighbors that several cases share."""

import functools

import keras
import numpy as np
from images import texture_patches
from sklearn.datasets import load_digits

from sktransfer import Backbone, feature_store
from sktransfer.training.step import probe

WEIGHT_DECAY = 1e-4


def forget_rows():
    """Forget features and probes, not the compiled programs."""
    feature_store.clear()
    probe._probes.clear()


def digits(low, high):
    """Rows and labels of the digits from `low` to `high`, with values in [0, 1]."""
    X, y = load_digits(return_X_y=True)
    rows = (y >= low) & (y <= high)
    return (X[rows] / 16).astype("float32"), y[rows]


def textures(n, size, *, half=0, seed=0):
    """Photo patches with values in [-1, 1], and their labels from 0 to 5."""
    X, names = texture_patches(-(-n // 6), half=half, size=size, seed=seed)
    rows = np.random.default_rng(seed).permutation(len(X))[:n]
    y = np.unique(names, return_inverse=True)[1]
    return (X[rows] / 127.5 - 1).astype("float32"), y[rows]


def dense_network():
    """64 inputs, then 256 and 128 features."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(256, activation="relu", name="first"),
            keras.layers.Dense(128, activation="relu", name="second"),
        ],
        name="two_dense",
    )


def mobilenet(size=96):
    """MobileNetV2 of a third of the width, random weights."""
    return keras.applications.MobileNetV2(
        input_shape=(size, size, 3),
        alpha=0.35,
        include_top=False,
        pooling="avg",
        weights=None,
    )


def small_convnet():
    """Five convolutions for images of 32 x 32, random weights."""
    layers = [keras.Input((32, 32, 3))]
    for i, width in enumerate((16, 16, 32, 32, 64)):
        layers.append(
            keras.layers.Conv2D(
                width, 3, padding="same", activation="relu", name=f"conv_{i}"
            )
        )
        if i % 2:
            layers.append(keras.layers.MaxPooling2D(name=f"pool_{i}"))
    layers.append(keras.layers.GlobalAveragePooling2D(name="features"))
    return keras.Sequential(layers, name="small_convnet")


def with_head(base, n_classes, *, learning_rate=1e-3, frozen=()):
    """Put a new softmax on a Keras model and compile it, as Keras users do."""
    for layer in base.layers:
        layer.trainable = layer.name not in frozen
    inputs = keras.Input(base.input_shape[1:])
    # Batch statistics stay those of the source, as with ours.
    features = base(inputs, training=False)
    outputs = keras.layers.Dense(n_classes, activation="softmax")(features)
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.AdamW(learning_rate, weight_decay=WEIGHT_DECAY),
        "sparse_categorical_crossentropy",
    )
    return model


@functools.cache
def dense_backbone():
    """The dense network, trained on digits 0 to 4."""
    keras.utils.set_random_seed(0)
    base = dense_network()
    with_head(base, 5).fit(*digits(0, 4), epochs=10, verbose=0)
    return Backbone.from_model(base, feature_layer="output")


@functools.cache
def mobilenet_backbone(size=96):
    """MobileNetV2 with random kernels and the batch statistics of other photos.

    With the initial statistics its features would vanish.
    """
    keras.utils.set_random_seed(0)
    base = mobilenet(size)
    normalizations = [
        layer
        for layer in base.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in normalizations]
    for layer in normalizations:
        layer.momentum = 0.0
    base(textures(200, size, half=1)[0], training=True)
    for layer, momentum in zip(normalizations, momenta, strict=True):
        layer.momentum = momentum
    return Backbone.from_model(base, feature_layer="output")


def small_convnet_backbone():
    """The small convolutional network with random weights."""
    keras.utils.set_random_seed(0)
    return Backbone.from_model(small_convnet(), feature_layer="output")


def scikeras_classifier(network, backbone, *, epochs, frozen_depth=0):
    """SciKeras with a model function that does what our estimator does.

    Parameters
    ----------
    network : callable
        Returns the architecture of `backbone` as a Keras model.
    backbone : Backbone
        Weights to start from.
    epochs : int
        Passes over the rows.
    frozen_depth : int
        Number of weighted layers to freeze; a parameter of the result, as is
        `learning_rate`.
    """
    from scikeras.wrappers import KerasClassifier

    table = backbone.layers_table().rows

    def build(meta, learning_rate, frozen_depth):
        base = network()
        base.set_weights(backbone.weights)
        frozen = {
            row["name"]
            for row in table
            if row["depth"] and row["depth"] <= frozen_depth
        }
        return with_head(
            base, meta["n_classes_"], learning_rate=learning_rate, frozen=frozen
        )

    return KerasClassifier(
        build,
        learning_rate=1e-3,
        frozen_depth=frozen_depth,
        epochs=epochs,
        batch_size=32,
        verbose=0,
        random_state=0,
    )
