"""Backbone: a value that keeps a network's architecture and weights."""

import copy
import functools
import gc
import pickle
import weakref

import graphs
import keras
import numpy as np
import pytest
from graphs import GRAPHS, make, outputs, randomize, rows, same_bits
from sklearn.base import clone

from sktransfer import Backbone, TransferClassifier
from sktransfer.exceptions import BackboneError

layers = keras.layers


class UnregisteredDense(layers.Dense):
    """A class that Keras does not know by name."""


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


def classifier(*head, seed=0):
    """Two Dense layers, and what is given on top."""
    body = [
        keras.Input((6,)),
        layers.Dense(7, activation="tanh", name="first"),
        layers.Dense(5, activation="tanh", name="second"),
    ]
    return randomize(keras.Sequential([*body, *head], name="classifier"), seed)


@functools.cache
def backbone_of(name):
    return Backbone.from_model(make(name), feature_layer="output")


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# ---- a value


@pytest.fixture(scope="module")
def backbone():
    return Backbone.from_model(classifier(layers.Dense(3, activation="softmax")))


def test_it_cannot_be_changed(backbone):
    with pytest.raises(AttributeError, match="immutable"):
        backbone.name = "other"
    with pytest.raises(AttributeError, match="immutable"):
        backbone.another = 1
    with pytest.raises(AttributeError, match="immutable"):
        del backbone.weights
    for array in [*backbone.weights, *backbone.head]:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_it_is_made_by_its_functions():
    with pytest.raises(TypeError, match="from_model"):
        Backbone()


def test_arrays_given_to_replace_are_copied(backbone):
    weights = [array.copy() for array in backbone.weights]
    changed = backbone.replace(weights=weights)
    weights[0][...] = 0
    assert changed == backbone
    classes = np.array(["a", "b", "c"])
    named = backbone.replace(classes=classes)
    classes[0] = "z"
    assert named.classes.tolist() == ["a", "b", "c"]


def test_replace_leaves_the_rest(backbone):
    other = backbone.replace(pretrained=False)
    assert backbone.pretrained
    assert not other.pretrained
    assert other.architecture_fingerprint == backbone.architecture_fingerprint
    assert all(map(same_bits, other.weights, backbone.weights))
    assert (other.name, other.input_shape, other.n_features_out) == (
        backbone.name,
        backbone.input_shape,
        backbone.n_features_out,
    )


@pytest.mark.parametrize("name", GRAPHS)
def test_models_built_alike_are_equal_whatever_keras_names_them(name):
    first = backbone_of(name)
    second = Backbone.from_model(make(name), feature_layer="output")
    assert first.architecture_fingerprint == second.architecture_fingerprint
    assert first == second
    assert hash(first) == hash(second)
    assert len({first, second}) == 1


@pytest.mark.parametrize(
    "name", ["sequential", "shared_layer", "twice_nested", "batch_normalization"]
)
def test_other_weights_make_another_backbone(name):
    first = backbone_of(name)
    second = Backbone.from_model(make(name, seed=1), feature_layer="output")
    assert first != second
    assert first.architecture_fingerprint == second.architecture_fingerprint


def test_one_bit_makes_another_backbone(backbone):
    weights = [array.copy() for array in backbone.weights]
    weights[0][0, 0] = np.nextafter(weights[0][0, 0], np.float32(9))
    assert backbone.replace(weights=weights) != backbone


def test_head_classes_and_pretraining_count(backbone):
    others = {
        backbone.replace(head=None),
        backbone.replace(classes=[1, 2, 3]),
        backbone.replace(pretrained=False),
    }
    assert len(others | {backbone}) == 4


@pytest.mark.parametrize(
    "other",
    [
        [layers.Dense(5, activation="relu"), layers.Dense(5, activation="tanh")],
        [layers.Dense(5, activation="tanh"), layers.Dense(5, use_bias=False)],
        [layers.Dense(5, activation="tanh"), layers.Dense(4, activation="tanh")],
    ],
)
def test_another_architecture_is_another_backbone(other):
    def of(*stack):
        model = keras.Sequential([keras.Input((6,)), *stack])
        return Backbone.from_model(model, feature_layer="output")

    first = of(layers.Dense(5, activation="tanh"), layers.Dense(5, activation="tanh"))
    assert first.architecture_fingerprint != of(*other).architecture_fingerprint


def test_wiring_is_part_of_the_architecture():
    def wired(swap):
        inputs = keras.Input((6,))
        x = layers.Dense(6)(inputs)
        joined = layers.Subtract()([x, inputs] if swap else [inputs, x])
        model = randomize(keras.Model(inputs, layers.Dense(3)(joined)))
        return Backbone.from_model(model, feature_layer="output")

    assert wired(False) == wired(False)
    assert wired(False) != wired(True)


def test_it_is_not_equal_to_other_things(backbone):
    assert backbone != backbone.fingerprint
    assert (backbone == 1) is False


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("name", ["twice_nested", "lambda_layer", "unregistered_layer"])
def test_pickle(name, protocol):
    model = make(name)
    backbone = Backbone.from_model(model, feature_layer="output", classes=["a", "b"])
    again = pickle.loads(pickle.dumps(backbone, protocol))
    assert again == backbone
    assert hash(again) == hash(backbone)
    assert again.classes.tolist() == ["a", "b"]
    assert not any(array.flags.writeable for array in again.weights)
    assert repr(again.layers_table()) == repr(backbone.layers_table())
    X = rows(model)
    assert same_bits(outputs(again.build(), X), outputs(model, X))


def test_pickle_of_another_format_is_refused(backbone):
    restore, (version, state) = backbone.__reduce__()
    with pytest.raises(ValueError, match=f"format {version + 1}"):
        restore(version + 1, state)


def test_copies_are_the_object_itself(backbone):
    assert clone(backbone) is backbone
    assert copy.copy(backbone) is backbone
    assert copy.deepcopy(backbone) is backbone
    assert copy.deepcopy([backbone])[0] is backbone


def test_repr(backbone):
    assert repr(backbone) == (
        "Backbone('classifier', input_shape=(6,), n_layers=2, n_features_out=5)"
    )


def test_size_in_bytes(backbone):
    arrays = [*backbone.weights, *backbone.head]
    without_arrays = backbone.replace(weights=(), head=None).nbytes
    assert backbone.nbytes == without_arrays + sum(array.nbytes for array in arrays)
    assert 100 < without_arrays < 10_000


def test_it_keeps_no_model_alive():
    model = make("skip_connections")
    seen = weakref.ref(model)
    backbone = Backbone.from_model(model)
    del model
    gc.collect()
    assert seen() is None
    assert backbone.n_layers


# ---- the network


@pytest.mark.parametrize("name", GRAPHS)
def test_build_gives_the_features_of_the_model_to_the_bit(name):
    model = make(name)
    X = rows(model)
    expected = outputs(model, X, training=False)
    if expected.ndim == 4:
        expected = outputs(layers.GlobalAveragePooling2D(), expected)
    backbone = backbone_of(name)
    built = backbone.build()
    assert same_bits(outputs(built, X, training=False), expected)
    assert backbone.input_shape == model.input_shape[1:]
    assert backbone.n_features_out == expected.shape[1]
    assert built.output_shape == (None, expected.shape[1])
    # Flat, so that it can be split anywhere.
    assert not any(isinstance(layer, keras.Model) for layer in built.layers)
    assert all(layer.trainable for layer in built._flatten_layers())
    assert all(map(same_bits, built.get_weights(), backbone.weights))
    # Again from what was built.
    assert Backbone.from_model(built, feature_layer="output") == backbone


def test_mobilenet():
    model = randomize(graphs.mobilenet())
    X = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    backbone = Backbone.from_model(model)
    pooled = layers.GlobalAveragePooling2D()(model(X, training=False))
    expected = keras.ops.convert_to_numpy(pooled)
    assert same_bits(outputs(backbone.build(), X, training=False), expected)
    assert backbone.n_features_out == 1280
    assert backbone.n_layers == len(
        [layer for layer in model.layers if layer.trainable_variables]
    )


@pytest.mark.parametrize(
    "name", ["skip_connections", "convolutional", "attention", "embedding"]
)
def test_build_in_float64(name):
    model = make(name)
    X = rows(model)
    built = Backbone.from_model(model, feature_layer="output").build(dtype="float64")
    assert {str(variable.dtype) for variable in built.weights} == {"float64"}
    exact = outputs(built, X.astype("float64") if X.dtype == "float32" else X)
    assert exact.dtype == np.float64
    expected = outputs(model, X)
    if expected.ndim == 4:
        expected = expected.mean(axis=(1, 2))
    np.testing.assert_allclose(exact, expected, rtol=1e-4, atol=1e-5)


def test_mixed_precision_is_built_in_full_precision():
    policy = keras.mixed_precision.DTypePolicy("mixed_float16")
    model = randomize(
        keras.Sequential([keras.Input((6,)), layers.Dense(4, dtype=policy)])
    )
    built = Backbone.from_model(model, feature_layer="output").build()
    assert built.layers[-1].compute_dtype == "float32"
    assert outputs(built, rows(model)).dtype == np.float32


def test_layers_of_the_same_name_at_different_levels():
    def block():
        return keras.Sequential(
            [keras.Input((6,)), layers.Dense(6, name="same")], name="block"
        )

    model = randomize(
        keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(6, name="same"),
                keras.Sequential([block(), layers.Dense(6, name="same")], name="a"),
            ]
        )
    )
    backbone = Backbone.from_model(model, feature_layer="output")
    X = rows(model)
    assert same_bits(outputs(backbone.build(), X), outputs(model, X))
    names = [row["name"] for row in backbone.layers_table()]
    assert len(set(names)) == len(names)
    assert backbone.n_layers == 3


@pytest.mark.parametrize("name", ["functional_in_sequential", "batch_normalization"])
def test_flags_of_the_user_do_not_count(name):
    model = make(name)
    backbone = Backbone.from_model(model, feature_layer="output")
    model.trainable = False
    frozen = Backbone.from_model(model, feature_layer="output")
    assert frozen == backbone
    assert frozen.n_layers == backbone.n_layers


def test_part_of_a_larger_graph():
    inputs = keras.Input((6,))
    shared = layers.Dense(5, activation="tanh")
    x = shared(inputs)
    small = keras.Model(inputs, x)
    large = randomize(keras.Model(inputs, layers.Dense(4)(shared(layers.Dense(6)(x)))))
    X = rows(small)
    for model in (small, large):
        built = Backbone.from_model(model, feature_layer="output").build()
        assert same_bits(outputs(built, X), outputs(model, X))


def test_initial_weights_follow_the_seed():
    backbone = Backbone.from_model(make("sequential"), feature_layer="output")

    def kernels(seed):
        weights = backbone.build_architecture(seed=seed).get_weights()
        return [array for array in weights if array.ndim == 2]

    assert all(map(np.array_equal, kernels(3), kernels(3)))
    for a, b in zip(kernels(3), kernels(4), strict=True):
        assert not np.array_equal(a, b)


def test_kernels_of_neighboring_seeds_are_unrelated():
    model = keras.Sequential([keras.Input((6,)), *(layers.Dense(6) for _ in range(3))])
    backbone = Backbone.from_model(model, feature_layer="output")
    first, second = (
        [a for a in backbone.build_architecture(seed=seed).get_weights() if a.ndim == 2]
        for seed in (1, 2)
    )
    assert not any(np.array_equal(a, b) for a in first for b in second)
    assert not np.array_equal(first[0], first[1])


# ---- the user's model


def state(model):
    every = [layer for layer in model._flatten_layers() if layer is not model]
    return (
        [a.tobytes() for a in model.get_weights()],
        [(layer.name, layer.trainable) for layer in every],
        [len(layer._inbound_nodes) for layer in every],
        [len(layer._outbound_nodes) for layer in every],
        model.compiled,
        None if model.optimizer is None else id(model.optimizer),
        [layer.dtype_policy.name for layer in every],
    )


def network_named(*names):
    """Dense network whose layers have these names, and inputs for it."""
    layers = [keras.layers.Dense(4, activation="relu", name=name) for name in names]
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(2)])
    return model, np.random.default_rng(0).normal(size=(20, 3))


def test_layer_names_that_tensorflow_rejects():
    """They do no harm to a later model of the same architecture either."""
    y, fitted = np.arange(20) % 2, []
    for names in (("my layer", "my_layer"), ("größe", "日本"), ("one", "two")):
        model, X = network_named(*names)
        model.set_weights(
            [np.full(w.shape, 0.1 * (i + 1)) for i, w in enumerate(model.get_weights())]
        )
        clf = TransferClassifier(model, epochs=2, random_state=0).fit(X, y)
        fitted.append(clf.predict_proba(X))
        exported = clf.to_keras().predict(X, verbose=0)
        np.testing.assert_allclose(exported, fitted[-1], atol=1e-6)
        assert [layer.name for layer in model.layers[:2]] == list(names)
        assert len(set(clf.backbone_.layers_table()["name"])) == 3
    np.testing.assert_array_equal(fitted[0], fitted[1])
    np.testing.assert_array_equal(fitted[0], fitted[2])
    model, X = network_named("my layer", "other")
    clf = TransferClassifier(model, frozen_depth="my layer", recipe="full")
    with pytest.raises(BackboneError, match="'_' stands for characters"):
        clf.fit(X, y)
    assert clf.set_params(frozen_depth="my_layer").fit(X, y).frozen_depth_ == 1


@pytest.mark.parametrize(
    "name", ["sequential", "twice_nested", "normalization", "shared_layer"]
)
def test_the_model_is_not_changed(name):
    model = make(name)
    model.layers[1].trainable = False
    model.compile("adam", "mse")
    X = rows(model)
    before, predicted = state(model), outputs(model, X)
    backbone = Backbone.from_model(model, feature_layer="output")
    built = backbone.build()
    built.set_weights([0 * array for array in built.get_weights()])
    assert state(model) == before
    assert same_bits(outputs(model, X), predicted)
    for layer in model.layers:
        if len(layer._inbound_nodes) == 1:
            assert layer.output is not None
    model.fit(X, np.zeros(predicted.shape), verbose=0)
    assert all(
        same_bits(a, b)
        for a, b in zip(
            backbone.build().get_weights(), list(backbone.weights), strict=True
        )
    )


# ---- where it is cut

HEADS = {
    "dense softmax": lambda: [layers.Dense(3, activation="softmax")],
    "dense, softmax layer": lambda: [layers.Dense(3), layers.Softmax()],
    "dense, activation": lambda: [layers.Dense(3), layers.Activation("softmax")],
    "logits": lambda: [layers.Dense(3)],
    "no bias": lambda: [layers.Dense(3, activation="softmax", use_bias=False)],
    "dense, dropout, softmax": lambda: [
        layers.Dense(3),
        layers.Dropout(0.5),
        layers.Softmax(),
    ],
}


@pytest.mark.parametrize("head", HEADS)
def test_the_head_is_cut_off_and_kept(head):
    model = classifier(*HEADS[head]())
    X = rows(model)
    backbone = Backbone.from_model(model)
    assert backbone.n_features_out == 5
    assert backbone.n_layers == 2
    second = keras.Model(model.inputs[0], model.get_layer("second").output)
    features = outputs(backbone.build(), X)
    assert same_bits(features, outputs(second, X))
    kernel, bias = backbone.head
    assert (kernel.shape, bias.shape) == ((5, 3), (3,))
    logits = features @ kernel + bias
    expected = outputs(model, X)
    np.testing.assert_allclose(
        logits if head == "logits" else softmax(logits), expected, rtol=1e-5
    )


def test_a_sigmoid_unit_becomes_a_softmax_of_two():
    model = classifier(layers.Dense(1, activation="sigmoid"))
    X = rows(model)
    backbone = Backbone.from_model(model, classes=["no", "yes"])
    kernel, bias = backbone.head
    assert (kernel.shape, bias.shape) == ((5, 2), (2,))
    proba = softmax(outputs(backbone.build(), X) @ kernel + bias)
    np.testing.assert_allclose(proba[:, 1], outputs(model, X)[:, 0], rtol=1e-5)
    assert backbone.classes.tolist() == ["no", "yes"]


def test_a_nested_head_is_found():
    inner = classifier(layers.Dense(3, activation="softmax"))
    model = keras.Sequential([keras.Input((6,)), layers.Rescaling(2.0), inner])
    X = rows(model)
    backbone = Backbone.from_model(model)
    assert (backbone.n_layers, backbone.n_features_out) == (2, 5)
    kernel, bias = backbone.head
    proba = softmax(outputs(backbone.build(), X) @ kernel + bias)
    np.testing.assert_allclose(proba, outputs(model, X), rtol=1e-5)


@pytest.mark.parametrize("last", ["reshape", "pooling"])
def test_a_head_of_1_x_1_convolution(last):
    inputs = keras.Input((8, 8, 3))
    maps = layers.Conv2D(5, 3, activation="relu")(inputs)
    x = maps
    if last == "reshape":
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(4, 1)(x)
    x = layers.GlobalAveragePooling2D()(x) if last == "pooling" else x
    x = layers.Reshape((4,))(x)
    model = randomize(keras.Model(inputs, layers.Activation("softmax")(x)))
    backbone = Backbone.from_model(model)
    assert (backbone.n_layers, backbone.n_features_out) == (1, 5)
    X = rows(model)
    expected = outputs(keras.Model(inputs, maps), X).mean(axis=(1, 2))
    np.testing.assert_allclose(outputs(backbone.build(), X), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "last",
    [
        lambda: layers.Dense(4, activation="relu"),
        lambda: layers.Dense(4, activation="tanh"),
        lambda: layers.BatchNormalization(),
        lambda: layers.LeakyReLU(),
    ],
)
def test_without_a_head_the_cut_is_at_the_output(last):
    model = classifier(last())
    backbone = Backbone.from_model(model)
    X = rows(model)
    assert same_bits(outputs(backbone.build(), X), outputs(model, X))
    assert backbone.head is None


def _one_score_per_position():
    inputs = keras.Input((4, 6))
    x = layers.Dense(5, activation="tanh")(inputs)
    return keras.Model(inputs, layers.Flatten()(layers.Dense(1)(x)))


def _mean_of_softmaxes():
    inputs = keras.Input((4, 4, 3))
    x = layers.Conv2D(5, 2, activation="tanh")(inputs)
    x = layers.Dense(3, activation="softmax")(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("build", [_one_score_per_position, _mean_of_softmaxes])
def test_what_only_looks_like_a_head_is_not_kept_as_one(build):
    model = randomize(build())
    backbone = Backbone.from_model(model)
    if backbone.head is None:
        return
    X = rows(model)
    kernel, bias = backbone.head
    scores = outputs(backbone.build(), X) @ kernel + bias
    expected = outputs(model, X)
    assert scores.shape == expected.shape
    np.testing.assert_allclose(softmax(scores), expected, rtol=1e-5)


@pytest.mark.parametrize("shared", ["dense", "softmax"])
def test_a_shared_layer_at_the_output_is_cut_where_it_is_used_last(shared):
    inputs = keras.Input((6,))
    layer = layers.Dense(5) if shared == "dense" else layers.Softmax()
    x = layer(layers.Dense(5, activation="tanh")(inputs))
    x = layers.Dense(5, activation="tanh")(x)
    before_head = x
    x = layer(x) if shared == "dense" else layer(layers.Dense(4)(x))
    model = randomize(keras.Model(inputs, x))
    X = rows(model)
    built = Backbone.from_model(model).build()
    assert any(
        same_bits(outputs(built, X), outputs(keras.Model(inputs, tensor), X))
        for tensor in (before_head, model.outputs[0])
    )


def test_feature_layer_output():
    model = classifier(layers.Dense(3, activation="softmax"))
    backbone = Backbone.from_model(model, feature_layer="output")
    X = rows(model)
    assert same_bits(outputs(backbone.build(), X), outputs(model, X))
    assert backbone.head is None
    assert backbone.n_layers == 3


def test_feature_layer_by_name():
    model = classifier(layers.Dense(3, activation="softmax"))
    backbone = Backbone.from_model(model, feature_layer="first")
    X = rows(model)
    first = keras.Model(model.inputs[0], model.get_layer("first").output)
    assert same_bits(outputs(backbone.build(), X), outputs(first, X))
    assert backbone.head is None
    assert (backbone.n_layers, backbone.n_features_out) == (1, 7)


def test_feature_layer_inside_a_nested_model():
    inputs = keras.Input((6,))
    inner = classifier(layers.Dense(3, activation="relu"))
    model = keras.Model(inputs, layers.Dense(4)(inner(inputs)))
    backbone = Backbone.from_model(model, feature_layer="second")
    X = rows(model)
    second = keras.Model(inner.inputs[0], inner.get_layer("second").output)
    assert same_bits(outputs(backbone.build(), X), outputs(second, X))


def test_feature_maps_are_averaged():
    model = make("convolutional")
    name = model.layers[2].name
    backbone = Backbone.from_model(model, feature_layer=name)
    maps = keras.Model(model.inputs[0], model.get_layer(name).output)
    X = rows(model)
    np.testing.assert_allclose(
        outputs(backbone.build(), X), outputs(maps, X).mean(axis=(1, 2)), rtol=1e-4
    )


def test_feature_layer_misspelt():
    model = classifier(layers.Dense(3))
    with pytest.raises(BackboneError, match=r"'secnd'.*Did you mean 'second'\?"):
        Backbone.from_model(model, feature_layer="secnd")
    with pytest.raises(BackboneError, match=r"'auto', 'output' or one of \['first'"):
        Backbone.from_model(model, feature_layer="zzzzzzzz")


def test_no_layer_left():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3, activation="softmax")])
    with pytest.raises(BackboneError, match="no layer between the input"):
        Backbone.from_model(model)


def test_number_of_features_not_known():
    model = keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(4, 3), layers.Flatten()]
    )
    with pytest.raises(BackboneError, match="not known"):
        Backbone.from_model(model)


def test_classes():
    model = classifier(layers.Dense(3, activation="softmax"))
    backbone = Backbone.from_model(model, classes=["x", "y", "z"])
    assert backbone.classes.tolist() == ["x", "y", "z"]
    with pytest.raises(ValueError, match=r"classes has 2 labels.*3 columns"):
        Backbone.from_model(model, classes=["x", "y"])
    assert Backbone.from_model(model).classes is None


# ---- layers that are not Keras's own


def test_an_unregistered_layer_of_this_module():
    model = randomize(
        keras.Sequential([keras.Input((6,)), UnregisteredDense(5), layers.Dense(3)])
    )
    backbone = Backbone.from_model(model)
    built = pickle.loads(pickle.dumps(backbone)).build()
    assert type(built.layers[-1]) is UnregisteredDense
    first = keras.Model(model.inputs[0], model.layers[0].output)
    X = rows(model)
    assert same_bits(outputs(built, X), outputs(first, X))


def test_a_layer_that_cannot_be_rebuilt():
    class NoConfig(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.units = units

        def call(self, inputs):
            return inputs[:, : self.units]

    model = keras.Sequential([keras.Input((6,)), NoConfig(4), layers.Dense(3)])
    with pytest.raises(BackboneError, match="cannot be rebuilt from its config"):
        Backbone.from_model(model)


def test_a_subclassed_model_wrapped_as_a_layer():
    inner = Subclassed()
    inputs = keras.Input((6,))
    model = randomize(keras.Model(inputs, layers.Dense(2)(inner(inputs))))
    backbone = Backbone.from_model(model)
    X = rows(model)
    assert same_bits(outputs(backbone.build(), X), outputs(inner, X))
    assert backbone.n_layers == 1


# ---- the table of layers


def table_model():
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(7, activation="relu", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.1, name="drop"),
            layers.Dense(5, name="second"),
            layers.ReLU(name="last"),
        ]
    )


def test_layers_table():
    backbone = Backbone.from_model(table_model())
    table = backbone.layers_table()
    assert [
        (row["depth"], row["name"], row["kind"], row["parameters"], row["output_shape"])
        for row in table
    ][1:] == [
        (1, "first", "Dense", 49, (None, 7)),
        (2, "norm", "BatchNormalization", 28, (None, 7)),
        (None, "drop", "Dropout", 0, (None, 7)),
        (3, "second", "Dense", 40, (None, 5)),
        (None, "last", "ReLU", 0, (None, 5)),
    ]
    assert len(table) == 6
    assert table[0]["kind"] == "InputLayer"
    assert table.n_layers == backbone.n_layers == 3


def test_layers_table_as_text():
    lines = repr(Backbone.from_model(table_model()).layers_table()).splitlines()
    assert lines[0].split() == ["depth", "name", "kind", "parameters", "output_shape"]
    assert lines[2].split(maxsplit=4) == ["1", "first", "Dense", "49", "(None, 7)"]
    assert lines[4].split(maxsplit=3) == ["drop", "Dropout", "0", "(None, 7)"]
    assert lines[2].index("Dense") == lines[3].index("BatchNormalization")


def test_layers_table_in_a_notebook():
    html = Backbone.from_model(table_model()).layers_table()._repr_html_()
    assert html.startswith("<table>")
    assert html.count("<tr>") == 7
    assert "<td>norm</td>" in html
    escaped = Backbone.from_model(table_model()).layers_table()
    escaped.rows[1] = escaped.rows[1] | {"name": "<b>"}
    assert "<b>" not in escaped._repr_html_()


def test_layers_table_as_a_frame():
    frame = Backbone.from_model(table_model()).layers_table().to_pandas()
    assert list(frame.columns) == [
        "depth",
        "name",
        "kind",
        "parameters",
        "output_shape",
    ]
    assert str(frame["depth"].dtype) == "Int64"
    assert frame["depth"].dropna().tolist() == [1, 2, 3]
    assert frame["depth"].isna().sum() == 3


def test_layers_table_marked():
    table = Backbone.from_model(table_model()).layers_table()
    marked = table.mark(2)
    assert marked["state"] == [None, "frozen", "frozen", None, "trained", None]
    assert repr(marked).splitlines()[2].endswith("frozen")
    assert "<td>trained</td>" in marked._repr_html_()
    assert "state" not in table.columns
    assert marked.n_layers == table.n_layers


def test_shared_layers_have_one_line():
    table = Backbone.from_model(make("shared_layer")).layers_table()
    names = [row["name"] for row in table]
    assert len(set(names)) == len(names)


# ---- what cannot be used


def test_subclassed_model():
    model = Subclassed()
    model(np.zeros((1, 6)))
    with pytest.raises(BackboneError, match=r"subclassed.*keras.Model\(inputs"):
        Backbone.from_model(model)


def test_unbuilt_model():
    model = keras.Sequential([layers.Dense(3)])
    with pytest.raises(BackboneError, match=r"keras.Input\(shape\)"):
        Backbone.from_model(model)


def test_several_inputs_or_outputs():
    a, b = keras.Input((3,)), keras.Input((3,))
    two_in = keras.Model([a, b], layers.Add()([a, b]))
    with pytest.raises(BackboneError, match="2 inputs and 1 outputs"):
        Backbone.from_model(two_in)
    two_out = keras.Model(a, [layers.Dense(1)(a), layers.Dense(2)(a)])
    with pytest.raises(BackboneError, match="1 inputs and 2 outputs"):
        Backbone.from_model(two_out)


@pytest.mark.parametrize("model", [None, 3, layers.Dense(3), keras.Model])
def test_what_is_no_model(model):
    with pytest.raises(BackboneError, match=r"keras\.Model"):
        Backbone.from_model(model)
