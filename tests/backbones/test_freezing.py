"""Frozen depth, and splitting a graph there."""

import graphs
import keras
import numpy as np
import pytest
from graphs import GRAPHS, make, outputs, randomize, rows, same_bits
from networks import source_network

from sktransfer import Backbone, TransferClassifier
from sktransfer.backbones.freezing import resolve_depth, split, weighted_layers
from sktransfer.backbones.graph import all_layers
from sktransfer.backbones.layers_table import LayersTable

# ---- from the parameter to a number of layers


def table(*weighted):
    """Layers of a network; which of them have weights."""
    depths = np.cumsum(weighted)
    return LayersTable(
        [
            {"depth": int(depth) if has_weights else None, "name": f"layer_{i}"}
            for i, (depth, has_weights) in enumerate(zip(depths, weighted, strict=True))
        ]
    )


@pytest.mark.parametrize(
    ("frozen_depth", "expected"),
    [
        (0, 0),
        (3, 3),
        (8, 8),
        (-1, 7),
        (-8, 0),
        (np.int64(3), 3),
        (np.int8(-2), 6),
        (0.0, 0),
        (0.5, 4),
        (1.0, 8),
        (0.9, 7),
        (np.float32(0.25), 2),
        (np.float64(1), 8),
        ("all", 8),
    ],
)
def test_depth(frozen_depth, expected):
    depth = resolve_depth(frozen_depth, table(*[True] * 8))
    assert depth == expected
    assert type(depth) is int


@pytest.mark.parametrize("frozen_depth", [0, 0.0, 0.5, 1.0, "all", "layer_0"])
def test_depth_of_a_backbone_without_weights(frozen_depth):
    assert resolve_depth(frozen_depth, table(False)) == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [("layer_0", 0), ("layer_1", 1), ("layer_2", 1), ("layer_3", 2), ("all", 3)],
)
def test_depth_by_the_name_of_a_layer(name, expected):
    layers = table(False, True, False, True, True)
    layers.rows[-1]["name"] = "all"
    assert resolve_depth(name, layers) == expected


def test_all_freezes_everything_whatever_a_layer_is_called():
    layers = table(True, True)
    layers.rows[0]["name"] = "all"
    assert resolve_depth("all", layers) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("layer3", "Did you mean 'layer_3'"),
        ("ALL", "Did you mean 'all'"),
        ("", "float in .* or the name of a layer"),
        ("none", r"Layers: \['layer_0', .*\.\.\.\]; Backbone.layers_table\(\)"),
    ],
)
def test_depth_by_the_name_of_no_layer(name, message):
    with pytest.raises(ValueError, match=rf"frozen_depth='{name}' is not .*{message}"):
        resolve_depth(name, table(*[True] * 40))


@pytest.mark.parametrize("frozen_depth", [9, -9, 1.5, -0.1, float("nan"), float("inf")])
def test_depth_out_of_range(frozen_depth):
    with pytest.raises(ValueError, match=r"frozen_depth=.*int in \[-8, 8\]"):
        resolve_depth(frozen_depth, table(*[True] * 8))


@pytest.mark.parametrize(
    "frozen_depth", [True, False, np.True_, None, [1], (1,), 1j, b"all", {}]
)
def test_depth_of_another_type(frozen_depth):
    with pytest.raises(TypeError, match=r"frozen_depth=.*float in \[0, 1\], 'all'"):
        resolve_depth(frozen_depth, table(*[True] * 8))


def test_a_classifier_frozen_up_to_a_layer():
    X, y = np.random.default_rng(0).normal(size=(20, 64)), np.arange(20) % 2
    clf = TransferClassifier(
        randomize(source_network()), frozen_depth="first", epochs=1, random_state=0
    ).fit(X, y)
    assert clf.frozen_depth_ == 1
    clf.set_params(frozen_depth="frist")
    with pytest.raises(ValueError, match="Did you mean 'first'"):
        clf.fit(X, y)


# ---- the split


def features_in_parts(parts, X):
    """Features of rows, by prefix and suffix, with plain arrays between them."""
    tensors = [X]
    if parts.prefix is not None:
        tensors = parts.prefix(X, training=False)
        tensors = tensors if isinstance(tensors, (list, tuple)) else [tensors]
        tensors = [np.array(keras.ops.convert_to_numpy(t)) for t in tensors]
    if parts.suffix is None:
        return tensors[0]
    return outputs(
        parts.suffix, tensors[0] if len(tensors) == 1 else tensors, training=False
    )


def names(layers):
    return [layer.name for layer in layers]


def variables(layers):
    return {id(v) for layer in layers for v in layer.variables}


def inside(model):
    """All layers of a model, those of models in it included."""
    return [] if model is None else all_layers(model)


def splits(backbone, depths=None):
    """The model, its weighted layers and its parts at each depth."""
    for depth in range(backbone.n_layers + 1) if depths is None else depths:
        model = backbone.build()
        weighted = weighted_layers(model)
        yield depth, model, weighted, split(model, depth)


@pytest.fixture(scope="module", params=GRAPHS)
def network(request):
    """A backbone, and its split at every depth."""
    backbone = Backbone.from_model(make(request.param), feature_layer="output")
    return backbone, list(splits(backbone))


def test_prefix_and_suffix_make_the_model_at_every_depth(network):
    backbone, every = network
    X = rows(backbone.build())
    expected = outputs(backbone.build(), X, training=False)
    assert len(every) == backbone.n_layers + 1
    for depth, _, _, parts in every:
        assert same_bits(features_in_parts(parts, X), expected), depth


def test_layers_are_frozen_or_trained(network):
    backbone, every = network
    for depth, _, weighted, parts in every:
        assert len(weighted) == backbone.n_layers
        assert names(parts.trained) == names(weighted[depth:])
        assert all(layer.trainable_variables for layer in parts.trained)
        assert not any(layer.trainable_variables for layer in weighted[:depth])
        # Whatever the suffix would train belongs to a trained layer.
        trainable = [] if parts.suffix is None else parts.suffix.trainable_variables
        assert {id(v) for v in trainable} == {
            id(v) for layer in parts.trained for v in layer.trainable_variables
        }
        if parts.suffix is not None:
            in_prefix = variables(inside(parts.prefix))
            assert in_prefix.isdisjoint(variables(parts.trained))


def test_frozen_layers_do_not_change_in_training(network):
    backbone, every = network
    X = rows(backbone.build())
    for depth, model, weighted, parts in every:
        if parts.suffix is None:
            continue
        frozen = [v for layer in weighted[:depth] for v in layer.weights]
        before = [v.numpy() for v in frozen]
        tensors = [X] if parts.prefix is None else parts.prefix(X, training=False)
        tensors = tensors if isinstance(tensors, (list, tuple)) else [tensors]
        parts.suffix(tensors[0] if len(tensors) == 1 else tensors, training=True)
        assert all(map(same_bits, before, [v.numpy() for v in frozen])), depth
        model.set_weights(backbone.weights)


@pytest.mark.parametrize(
    "name", ["skip_connections", "branches", "twice_nested", "convolutional"]
)
def test_frozen_layers_are_not_computed_in_each_step(name):
    backbone = Backbone.from_model(make(name), feature_layer="output")
    for depth, _, weighted, parts in splits(backbone):
        in_suffix = variables(inside(parts.suffix))
        assert in_suffix.isdisjoint(variables(weighted[:depth])), depth


@pytest.mark.parametrize(
    ("name", "active"),
    [
        # Dense, BatchNormalization, Dropout, Dense, BatchNormalization, noise, Dense:
        # a random layer between frozen ones is off.
        ("random_layers", [{1, 2}, {1, 2}, {1, 2}, {2}, {2}, set()]),
        # Augmentation comes before all weights.
        ("augmentation", [{1}] * 4),
    ],
)
def test_random_layers_are_active_unless_between_frozen_ones(name, active):
    backbone = Backbone.from_model(make(name), feature_layer="output")
    X = rows(backbone.build())
    kinds = (
        keras.layers.Dropout,
        keras.layers.GaussianNoise,
        keras.layers.RandomFlip,
    )
    for depth, model, _, parts in splits(backbone):
        random_layers = [layer for layer in model.layers if isinstance(layer, kinds)]
        in_prefix = {id(layer) for layer in inside(parts.prefix)}
        in_suffix = {id(layer) for layer in inside(parts.suffix)}
        for i, layer in enumerate(random_layers, 1):
            assert (id(layer) in in_suffix) == (i in active[depth]), (depth, i)
            assert (id(layer) in in_prefix) == (i not in active[depth]), (depth, i)
        if parts.suffix is None:
            continue
        tensors = [X] if parts.prefix is None else [parts.prefix(X, training=False)]
        draws = [outputs(parts.suffix, tensors[0], training=True) for _ in range(8)]
        drawn = not all(np.array_equal(draw, draws[0]) for draw in draws)
        assert drawn == bool(active[depth]), depth


def test_frozen_layers_behind_augmentation_run_in_inference_mode():
    """Between the augmentation and the trained layers, nothing knows of training."""
    backbone = Backbone.from_model(make("augmentation"), feature_layer="output")
    X = rows(backbone.build())
    model = backbone.build()
    parts = split(model, 2)
    flipped = X[:, :, ::-1]
    either = [outputs(backbone.build(), x, training=False) for x in (X, flipped)]
    drawn = outputs(parts.suffix, X, training=True)
    for row, plain, mirrored in zip(drawn, *either, strict=True):
        assert min(np.abs(row - plain).max(), np.abs(row - mirrored).max()) < 1e-5


def test_all_frozen_leaves_no_suffix():
    backbone = Backbone.from_model(make("skip_connections"), feature_layer="output")
    model = backbone.build()
    parts = split(model, backbone.n_layers)
    assert parts.suffix is None
    assert parts.trained == []


def test_nothing_frozen_leaves_no_prefix():
    backbone = Backbone.from_model(make("skip_connections"), feature_layer="output")
    model = backbone.build()
    parts = split(model, 0)
    assert parts.prefix is None
    assert len(parts.trained) == backbone.n_layers


def test_layers_without_weights_before_the_first_are_in_the_prefix():
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Rescaling(3.0), keras.layers.Dense(4)]
    )
    backbone = Backbone.from_model(model, feature_layer="output")
    parts = split(backbone.build(), 0)
    np.testing.assert_array_equal(parts.prefix(np.ones((1, 6))), np.full((1, 6), 3.0))


def test_a_frozen_layer_with_parts_is_frozen_in_all_of_them():
    backbone = Backbone.from_model(make("attention"), feature_layer="output")
    for depth, _, weighted, _ in splits(backbone):
        for layer in weighted[:depth]:
            assert not any(part.trainable for part in all_layers(layer)), depth


def test_mobilenet_at_some_depths():
    backbone = Backbone.from_model(randomize(graphs.mobilenet()))
    X = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    expected = outputs(backbone.build(), X, training=False)
    n = backbone.n_layers
    for depth, _, weighted, parts in splits(backbone, [9, n // 2]):
        assert same_bits(features_in_parts(parts, X), expected)
        assert names(parts.trained) == names(weighted[depth:])
