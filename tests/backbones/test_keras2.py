"""Models that Keras 2 saved, written here as it wrote them."""

import json

import h5py
import keras
import numpy as np
import pytest

from sktransfer.backbones.files import load_weights, read_model
from sktransfer.backbones.files.keras2 import modernize

layers = keras.layers


def entry(class_name, name, *calls, **config):
    """One layer of a configuration of Keras 2; the calls as (layer, call) pairs."""
    config = {"name": name, "trainable": True, "dtype": "float32", **config}
    calls = [[[source, call, 0, {}] for source, call in inputs] for inputs in calls]
    return {
        "class_name": class_name,
        "config": config,
        "name": name,
        "inbound_nodes": calls,
    }


def an_input(name, shape):
    return entry("InputLayer", name, batch_input_shape=[None, *shape], sparse=False)


def functional(name, layer_entries, output, *calls):
    model = entry("Functional", name, *calls)
    model["config"] = {
        "name": name,
        "trainable": True,
        "layers": layer_entries,
        "input_layers": [[layer_entries[0]["name"], 0, 0]],
        "output_layers": [[*output, 0]],
    }
    return model


def sequential(name, layer_entries, *calls):
    model = entry("Sequential", name, *calls)
    model["config"] = {"name": name, "layers": layer_entries}
    return model


def dense(name, units, *calls):
    return entry(
        "Dense",
        name,
        *calls,
        units=units,
        activation="linear",
        use_bias=True,
        kernel_initializer={"class_name": "GlorotUniform", "config": {"seed": None}},
        bias_initializer={"class_name": "Zeros", "config": {}},
        kernel_regularizer={"class_name": "L2", "config": {"l2": 0.01}},
        activity_regularizer=None,
        kernel_constraint={"class_name": "MaxNorm", "config": {"max_value": 2}},
    )


def base(*calls):
    return functional(
        "base",
        [
            an_input("base_input", (6, 6, 2)),
            entry(
                "DepthwiseConv2D",
                "depthwise",
                [("base_input", 0)],
                kernel_size=[3, 3],
                groups=1,
                use_bias=False,
                depth_multiplier=1,
            ),
            entry("BatchNormalization", "norm", [("depthwise", 0)], axis=[3]),
            entry("ReLU", "relu", [("norm", 0)], max_value=6.0),
        ],
        ("relu", 0),
        *calls,
    )


def write(path, config, weights):
    """Save a model of Keras 2; weights maps each layer to its named arrays."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["keras_version"] = b"2.10.0"
        file.attrs["backend"] = b"tensorflow"
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in arrays]
            for key, array in arrays.items():
                group[key] = array
    return path


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def base_weights(rng):
    return {
        "depthwise/depthwise_kernel:0": rng.normal(size=(3, 3, 2, 1)),
        "norm/gamma:0": rng.normal(size=2),
        "norm/beta:0": rng.normal(size=2),
        "norm/moving_mean:0": rng.normal(size=2),
        "norm/moving_variance:0": rng.uniform(1, 2, size=2),
    }


@pytest.fixture
def dense_weights(rng):
    return {
        "out/kernel:0": rng.normal(size=(2, 3)),
        "out/bias:0": rng.normal(size=3),
    }


@pytest.fixture
def expected(base_weights, dense_weights):
    """The network that all files below hold, built by Keras 3."""
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.DepthwiseConv2D(3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    model.set_weights([*base_weights.values(), *dense_weights.values()])
    return model


def assert_predicts_as(model, expected, rng):
    x = rng.normal(size=(4, *expected.input_shape[1:])).astype("float32")
    predicted = model(x, training=False)
    np.testing.assert_allclose(predicted, expected(x, training=False), atol=1e-6)


def test_a_model_and_a_pipeline_inside_a_functional_model(
    tmp_path, rng, base_weights, dense_weights, expected
):
    # The usual network of a tutorial: augmentation, backbone, head.
    flip = entry("RandomFlip", "flip", mode="horizontal", rng_type="stateful")
    graph = functional(
        "model",
        [
            an_input("image", (6, 6, 2)),
            sequential("augment", [an_input("a", (6, 6, 2)), flip], [("image", 0)]),
            base([("augment", 1)]),
            entry("GlobalAveragePooling2D", "pool", [("base", 1)]),
            dense("out", 3, [("pool", 0)]),
        ],
        ("out", 0),
    )
    graph["config"]["layers"][2]["inbound_nodes"][0][0][3] = {"training": False}
    path = write(tmp_path / "a.h5", graph, {"base": base_weights, "out": dense_weights})
    model = read_model(path)
    assert_predicts_as(model, expected, rng)
    assert model.get_layer("out").kernel_constraint.max_value == 2
    model.set_weights([np.zeros(w.shape) for w in model.weights])
    load_weights(model, path)
    assert_predicts_as(model, expected, rng)


def test_models_inside_a_sequential_model(
    tmp_path, rng, base_weights, dense_weights, expected
):
    body = base()
    body["module"] = "keras.src.engine.functional"
    inner = sequential("body", [body, entry("GlobalAveragePooling2D", "pool")])
    head = sequential("head", [an_input("features", (2,)), dense("out", 3)])
    whole = sequential("model", [an_input("image", (6, 6, 2)), inner, head])
    weights = {"body": base_weights, "head": dense_weights}
    model = read_model(write(tmp_path / "a.h5", whole, weights))
    assert_predicts_as(model, expected, rng)


@pytest.mark.parametrize("kind", [functional, sequential])
def test_a_model_that_is_called_twice_and_is_the_output(tmp_path, rng, kind):
    kernel, bias = rng.normal(size=(3, 3)), rng.normal(size=3)
    calls = [("x", 0)], [("inner", 1)]
    if kind is functional:
        layer_entries = [an_input("i", (3,)), dense("d", 3, [("i", 0)])]
        inner = functional("inner", layer_entries, ("d", 0), *calls)
    else:
        inner = sequential("inner", [an_input("i", (3,)), dense("d", 3)], *calls)
    graph = functional("model", [an_input("x", (3,)), inner], ("inner", 2))
    weights = {"inner": {"d/kernel:0": kernel, "d/bias:0": bias}}
    model = read_model(write(tmp_path / "a.h5", graph, weights))
    x = rng.normal(size=(4, 3))
    expected = (x @ kernel + bias) @ kernel + bias
    np.testing.assert_allclose(model(x.astype("float32")), expected, rtol=1e-4)


def test_tensors_among_the_keywords_of_a_call(tmp_path, rng):
    attention = entry(
        "MultiHeadAttention",
        "attend",
        [("x", 0)],
        num_heads=1,
        key_dim=2,
        query_shape=[None, 4, 3],
        key_shape=[None, 4, 3],
        value_shape=[None, 4, 3],
        softmax_robust_masking=False,
    )
    attention["inbound_nodes"][0][0][3] = {"value": ["x", 0, 0], "training": False}
    graph = functional("m", [an_input("x", (4, 3)), attention], ("attend", 0))
    shapes = {
        "query/kernel": (3, 1, 2),
        "query/bias": (1, 2),
        "key/kernel": (3, 1, 2),
        "key/bias": (1, 2),
        "value/kernel": (3, 1, 2),
        "value/bias": (1, 2),
        "attention_output/kernel": (1, 2, 3),
        "attention_output/bias": (3,),
    }
    weights = {
        f"attend/{name}:0": rng.normal(size=shape) for name, shape in shapes.items()
    }
    model = read_model(write(tmp_path / "a.h5", graph, {"attend": weights}))
    layer = layers.MultiHeadAttention(1, 2)
    x = rng.normal(size=(2, 4, 3)).astype("float32")
    layer(x, x)
    layer.set_weights(list(weights.values()))
    np.testing.assert_allclose(model(x), layer(x, x), atol=1e-6)


@pytest.mark.parametrize(
    ("class_name", "config"),
    [
        ("LSTM", {"units": 2, "time_major": False}),
        ("SpatialDropout1D", {"rate": 0.1, "noise_shape": None}),
        ("Conv1DTranspose", {"filters": 2, "kernel_size": [2], "groups": 1}),
        (
            "SeparableConv1D",
            {
                "filters": 2,
                "kernel_size": [2],
                "groups": 1,
                "kernel_initializer": None,
                "kernel_regularizer": None,
                "kernel_constraint": None,
            },
        ),
    ],
)
def test_arguments_that_are_gone(class_name, config):
    modern = modernize(entry(class_name, "layer", **config))
    assert getattr(layers, class_name).from_config(modern["config"]).name == "layer"


def test_arguments_with_a_meaning_stay():
    for config in ({"groups": 2}, {"time_major": True}):
        assert modernize(entry("DepthwiseConv2D", "x", **config))["config"][
            next(iter(config))
        ]


def test_configurations_of_keras_3_come_back_as_they_are():
    inputs = keras.Input((8, 8, 3))
    body = keras.Sequential([keras.Input((8, 8, 3)), layers.DepthwiseConv2D(3)])
    hidden = layers.BatchNormalization()(body(inputs))
    outputs = layers.Dense(2)(layers.Flatten()(hidden) + 1.0)
    config = keras.Model(inputs, [outputs]).to_json()
    expected = json.loads(
        config,
        object_hook=lambda node: {
            key: value for key, value in node.items() if key != "compile_config"
        },
    )
    assert modernize(json.loads(config)) == expected
