"""Small pretrained networks, importable by name, so that workers can build them."""

import functools

import keras


class Named:
    """A function that is shown by its name alone, so that tests are named alike."""

    def __init__(self, function):
        functools.update_wrapper(self, function)

    def __call__(self, *args, **kwargs):
        return self.__wrapped__(*args, **kwargs)

    def __repr__(self):
        return self.__name__

    def __reduce__(self):
        # As functions are: by name, and never copied.
        return self.__qualname__


def _dense(units, activation, seed, **kwargs):
    return keras.layers.Dense(
        units,
        activation=activation,
        kernel_initializer=keras.initializers.HeNormal(seed=seed),
        **kwargs,
    )


@Named
def two_layers(input_shape):
    """Two layers of features for rows of any one length; always the same weights."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            _dense(64, "tanh", 1, name="first"),
            _dense(64, "tanh", 2, name="second"),
        ],
        name="two_layers",
    )


def source_network():
    """Three layers of features and a softmax of five, for rows of 64 values."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            _dense(48, "relu", 1, name="first"),
            _dense(32, "relu", 2, name="second"),
            _dense(24, "relu", 3, name="third"),
            _dense(5, "softmax", 4, name="classes"),
        ],
        name="source",
    )


def with_batch_normalization():
    """Dense and BatchNormalization in turn, for rows of 64 values."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            _dense(32, "relu", 1),
            keras.layers.BatchNormalization(momentum=0.5),
            _dense(32, "relu", 2),
            keras.layers.BatchNormalization(momentum=0.5),
            _dense(24, "relu", 3),
        ],
        name="with_batch_normalization",
    )


def with_random_layers():
    """Noise and dropout before and between weighted layers, for rows of 64 values."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.GaussianNoise(0.2),
            _dense(32, "relu", 1),
            keras.layers.Dropout(0.3),
            _dense(24, "relu", 2),
        ],
        name="with_random_layers",
    )


def with_augmentation():
    """Random translations before two convolutions, for images of 8 x 8 x 1."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.RandomTranslation(0.2, 0.2),
            *convolutional().layers,
        ],
        name="with_augmentation",
    )


def convolutional(input_shape=(8, 8, 1)):
    """Two convolutions over images of any size; 0 to 255 becomes 0 to 1."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(
                8,
                3,
                padding="same",
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=1),
            ),
            keras.layers.Conv2D(
                12,
                3,
                strides=2,
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=2),
            ),
        ],
        name="convolutional",
    )
