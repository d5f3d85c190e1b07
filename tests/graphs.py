"""Networks of every kind of graph, from a row to its features."""

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="tests")
class RegisteredScale(keras.layers.Layer):
    """Multiplies by a trained vector."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), name="scale")

    def call(self, inputs):
        return inputs * self.scale


class UnregisteredShift(keras.layers.Layer):
    """Adds a trained vector, `times` times."""

    def __init__(self, times=1, **kwargs):
        super().__init__(**kwargs)
        self.times = times

    def build(self, input_shape):
        self.shift = self.add_weight(shape=(input_shape[-1],), name="shift")

    def call(self, inputs):
        return inputs + self.times * self.shift

    def get_config(self):
        return super().get_config() | {"times": self.times}


def _dense(units=5, activation="tanh", **kwargs):
    return keras.layers.Dense(units, activation=activation, **kwargs)


def sequential():
    return keras.Sequential([keras.Input((6,)), _dense(7), _dense(6), _dense(5)])


def skip_connections():
    inputs = keras.Input((6,))
    first = _dense(6)(inputs)
    second = _dense(6)(first)
    third = keras.layers.Add()([first, _dense(6)(second)])
    joined = keras.layers.Concatenate()([inputs, second, third])
    return keras.Model(inputs, _dense()(joined))


def operations():
    inputs = keras.Input((6,))
    x = _dense(8)(inputs * 2 + 1)
    left, right = keras.ops.split(x, 2, axis=1)
    x = keras.ops.relu(left) - keras.ops.multiply(right, 3)
    x = _dense(6)(x[:, 1:])
    return keras.Model(inputs, _dense()(x / (1 + keras.ops.abs(left[:, :1]))))


def branches():
    inputs = keras.Input((6,))
    left = _dense(4)(_dense(5)(_dense(6)(inputs)))
    right = _dense(4)(inputs)
    return keras.Model(inputs, _dense()(keras.layers.Multiply()([left, right])))


def shared_layer():
    inputs = keras.Input((6,))
    shared = _dense(6)
    x = shared(inputs)
    x = _dense(6)(x)
    x = shared(x)
    return keras.Model(inputs, _dense()(keras.layers.Add()([x, shared(x)])))


def shared_model():
    inputs = keras.Input((6,))
    inner = keras.Sequential([keras.Input((6,)), _dense(7), _dense(6)])
    x = keras.layers.Concatenate()([inner(inputs), inner(-inputs)])
    return keras.Model(inputs, _dense()(x))


def sequential_in_functional():
    inputs = keras.Input((6,))
    x = _dense(6)(inputs)
    x = keras.Sequential([keras.Input((6,)), _dense(7), _dense(6)])(x)
    return keras.Model(inputs, _dense()(x))


def functional_in_sequential():
    return keras.Sequential(
        [keras.Input((6,)), _dense(6), skip_connections(), _dense()]
    )


def sequential_starting_with_model():
    return keras.Sequential([skip_connections(), _dense()])


def twice_nested():
    inner = sequential_in_functional()
    outer = keras.Sequential([keras.Input((6,)), _dense(6), inner])
    inputs = keras.Input((6,))
    x = keras.layers.Concatenate()([outer(inputs), inputs])
    return keras.Model(inputs, _dense()(x))


def nested_inference_mode():
    base = keras.Sequential(
        [
            keras.Input((6,)),
            _dense(6),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            _dense(6),
        ]
    )
    inputs = keras.Input((6,))
    x = base(inputs, training=False)
    return keras.Model(inputs, _dense()(keras.layers.Dropout(0.5)(x)))


def nested_two_outputs():
    a = keras.Input((6,))
    hidden = _dense(6)(a)
    inner = keras.Model(a, [_dense(4)(hidden), _dense(3)(hidden)])
    inputs = keras.Input((6,))
    left, right = inner(inputs)
    return keras.Model(inputs, _dense()(keras.layers.Concatenate()([left, right])))


def nested_two_inputs():
    a, b = keras.Input((6,)), keras.Input((4,))
    inner = keras.Model(
        [a, b], _dense(6)(keras.layers.Concatenate()([_dense(4)(a), b]))
    )
    inputs = keras.Input((6,))
    return keras.Model(inputs, _dense()(inner([inputs, _dense(4)(inputs)])))


def nested_dict_outputs():
    a = keras.Input((6,))
    inner = keras.Model(a, {"left": _dense(4)(a), "right": _dense(3)(a)})
    inputs = keras.Input((6,))
    out = inner(inputs)
    x = keras.layers.Concatenate()([out["left"], out["right"]])
    return keras.Model(inputs, _dense()(x))


def batch_normalization():
    return keras.Sequential(
        [
            keras.Input((6,)),
            _dense(6),
            keras.layers.BatchNormalization(),
            _dense(6),
            keras.layers.BatchNormalization(center=False),
            _dense(),
        ]
    )


def random_layers():
    return keras.Sequential(
        [
            keras.Input((6,)),
            _dense(6),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            _dense(6),
            keras.layers.BatchNormalization(),
            keras.layers.GaussianNoise(0.5),
            _dense(),
        ]
    )


def augmentation():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.RandomFlip("horizontal"),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            _dense(),
        ]
    )


def normalization():
    layer = keras.layers.Normalization()
    layer.adapt(np.random.default_rng(1).normal(3, 2, (50, 6)))
    return keras.Sequential([keras.Input((6,)), layer, _dense(7), _dense()])


def nested_normalization():
    inputs = keras.Input((6,))
    x = normalization()(inputs)
    return keras.Model(inputs, _dense()(keras.layers.Concatenate()([x, inputs])))


def attention():
    inputs = keras.Input((4, 6))
    x = keras.layers.LayerNormalization()(inputs)
    x = keras.layers.Add()(
        [inputs, keras.layers.MultiHeadAttention(2, 3, dropout=0.2)(x, x)]
    )
    y = keras.layers.LayerNormalization()(x)
    x = keras.layers.Add()([x, _dense(6)(_dense(8)(y))])
    return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))


def causal_attention():
    inputs = keras.Input((4, 6))
    x, scores = keras.layers.MultiHeadAttention(2, 3)(
        inputs, inputs, use_causal_mask=True, return_attention_scores=True
    )
    x = keras.layers.Flatten()(x)
    x = keras.layers.Concatenate()([x, keras.layers.Flatten()(scores)])
    return keras.Model(inputs, _dense()(x))


def embedding():
    return keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            keras.layers.Embedding(9, 6),
            keras.layers.Conv1D(6, 2, activation="tanh"),
            keras.layers.Flatten(),
            _dense(),
        ]
    )


def masked_embedding():
    return keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            keras.layers.Embedding(9, 6, mask_zero=True),
            keras.layers.LSTM(6, return_sequences=True),
            keras.layers.Bidirectional(keras.layers.LSTM(4)),
            _dense(),
        ]
    )


def convolutional():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
    y = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    y = keras.layers.SeparableConv2D(4, 3, padding="same")(y)
    x = keras.layers.MaxPooling2D()(keras.layers.Add()([x, y]))
    return keras.Model(inputs, keras.layers.Conv2D(5, 2, activation="relu")(x))


def wrapped():
    return keras.Sequential(
        [
            keras.Input((4, 6)),
            keras.layers.TimeDistributed(_dense(6)),
            keras.layers.TimeDistributed(
                keras.Sequential([keras.Input((6,)), _dense(4), _dense(3)])
            ),
            keras.layers.Flatten(),
            _dense(),
        ]
    )


def registered_layer():
    return keras.Sequential([keras.Input((6,)), _dense(), RegisteredScale(), _dense()])


def unregistered_layer():
    inner = keras.Sequential([keras.Input((6,)), UnregisteredShift(3), _dense(6)])
    return keras.Sequential([keras.Input((6,)), inner, UnregisteredShift(2), _dense()])


def lambda_layer():
    return keras.Sequential(
        [
            keras.Input((6,)),
            _dense(),
            keras.layers.Lambda(lambda x: x * x + 1),
            _dense(),
        ]
    )


def mobilenet():
    return keras.applications.MobileNetV2(
        (32, 32, 3), alpha=0.35, include_top=False, weights=None
    )


GRAPHS = {
    function.__name__: function
    for function in (
        sequential,
        skip_connections,
        operations,
        branches,
        shared_layer,
        shared_model,
        sequential_in_functional,
        functional_in_sequential,
        sequential_starting_with_model,
        twice_nested,
        nested_inference_mode,
        nested_two_outputs,
        nested_two_inputs,
        nested_dict_outputs,
        batch_normalization,
        random_layers,
        augmentation,
        normalization,
        nested_normalization,
        attention,
        causal_attention,
        embedding,
        masked_embedding,
        convolutional,
        wrapped,
        registered_layer,
        unregistered_layer,
        lambda_layer,
    )
}


def randomize(model, seed=0):
    """Give every weight of a model a value that no initializer gives."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers(include_self=False):
        if layer._layers or isinstance(layer, keras.layers.Normalization):
            continue
        for weight in layer.weights:
            low, high = (0.5, 1.5) if "variance" in weight.path else (-0.7, 0.7)
            weight.assign(rng.uniform(low, high, weight.shape))
    return model


def make(name, seed=0):
    """Build a network by name; the same seed gives the same weights."""
    return randomize(GRAPHS[name](), seed)


def rows(model, n=7, seed=0):
    """Draw rows as a model takes them."""
    rng = np.random.default_rng(seed)
    shape = (n, *model.input_shape[1:])
    if "int" in str(model.inputs[0].dtype):
        return rng.integers(0, 4, shape).astype("int32")
    return rng.normal(size=shape).astype("float32")


def outputs(model, X, **kwargs):
    """Compute a model's outputs as NumPy arrays."""
    return keras.ops.convert_to_numpy(model(X, **kwargs))


def same_bits(a, b):
    """Whether two arrays hold the same bits."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
