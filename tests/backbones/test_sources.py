"""From what a user passes as `backbone` to a Backbone."""

import os
import pickle
import random
from pathlib import Path

import keras
import numpy as np
import pytest
from graphs import make, outputs, randomize, rows, same_bits
from networks import convolutional, source_network, two_layers

from sktransfer import Backbone
from sktransfer._caches import cache_info, clear_caches
from sktransfer.backbones.sources import BuildOptions
from sktransfer.exceptions import BackboneError, WeightsMismatchError
from sktransfer.learners.choose import read_source
from sktransfer.training.store.samples import Samples

SHAPE = (32, 32, 3)


def of(backbone, row_shape=(64,), seed=0, **options):
    X = np.empty((1, *row_shape))
    samples = Samples(X, np.arange(1), np.zeros(1), np.ones(1))
    rng = np.random.default_rng(seed)
    return read_source(backbone).build(BuildOptions(**options), samples, rng)


@pytest.fixture
def model():
    return randomize(source_network())


@pytest.fixture(autouse=True)
def own_caches():
    clear_caches()


CALLS = []


def counted(input_shape):
    CALLS.append(input_shape)
    return two_layers(input_shape)


def undecided():
    return keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(8), keras.layers.Dense(8)]
    )


def not_a_model():
    return 3


# ---- sources


def test_model(model):
    backbone = of(model)
    assert backbone == Backbone.from_model(model)
    assert backbone.pretrained
    assert backbone.head is not None


def test_backbone_is_taken_as_it_is(model):
    backbone = Backbone.from_model(model)
    assert of(backbone) is backbone
    assert of(backbone, preprocess=None) is backbone


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("kind", [str, Path])
def test_file(model, tmp_path, suffix, kind):
    path = tmp_path / f"model{suffix}"
    model.save(path)
    backbone = of(kind(path))
    X = rows(model)
    expected = Backbone.from_model(model)
    assert all(map(same_bits, backbone.weights, expected.weights))
    assert same_bits(outputs(backbone.build(), X), outputs(expected.build(), X))
    assert all(map(same_bits, backbone.head, expected.head))
    assert backbone.pretrained


def test_file_of_weights_only(model, tmp_path):
    path = tmp_path / "source.weights.h5"
    model.save_weights(path)
    with pytest.raises(BackboneError, match=r"no architecture.*weights="):
        of(path)


def test_missing_file(tmp_path):
    for name in ("model.keras", "model.h5"):
        with pytest.raises(BackboneError, match=name):
            of(tmp_path / name)


def test_callable():
    backbone = of(source_network)
    assert backbone == Backbone.from_model(source_network())
    assert backbone.pretrained


@pytest.mark.parametrize("row_shape", [(64,), (12,)])
def test_callable_with_a_shape(row_shape):
    assert of(two_layers, row_shape).input_shape == row_shape
    assert of(convolutional, (6, 7, 3)).input_shape == (6, 7, 3)


def test_lambda(model):
    assert of(lambda: model) == Backbone.from_model(model)


def test_callable_that_gives_no_model():
    with pytest.raises(BackboneError, match=r"not_a_model.*returned int"):
        of(not_a_model)


def test_weights_of_a_callable_do_not_depend_on_what_ran_before():
    random.seed(1)
    first = of(undecided)
    clear_caches()
    random.seed(2)
    assert of(undecided) == first


def test_application_by_name():
    backbone = of("MobileNet", SHAPE, weights=None)
    assert backbone.input_shape == SHAPE
    assert backbone.n_features_out == 1024
    assert not backbone.pretrained


def test_weights_file_into_an_application(tmp_path):
    own = randomize(
        keras.applications.MobileNet(SHAPE, include_top=False, weights=None)
    )
    path = tmp_path / "own.weights.h5"
    own.save_weights(path)
    backbone = of("MobileNet", SHAPE, weights=path, preprocess=None)
    pooled = keras.layers.GlobalAveragePooling2D()
    X = rows(own, 2)
    expected = keras.ops.convert_to_numpy(pooled(own(X, training=False)))
    assert same_bits(outputs(backbone.build(), X, training=False), expected)
    assert backbone.pretrained


@pytest.mark.parametrize("source", ["callable", "model", "backbone"])
def test_weights_file_into_an_architecture(model, tmp_path, source):
    path = tmp_path / "source.weights.h5"
    if source == "backbone":
        given = Backbone.from_model(source_network())
        saved = Backbone.from_model(model).build()
        saved.save_weights(path)
    else:
        given = source_network if source == "callable" else source_network()
        model.save_weights(path)
    backbone = of(given, weights=str(path))
    expected = Backbone.from_model(model)
    assert all(map(same_bits, backbone.weights, expected.weights))
    assert backbone.pretrained
    if source == "model":
        assert not np.array_equal(given.get_weights()[0], model.get_weights()[0])
    if source != "backbone":
        assert all(map(same_bits, backbone.head, expected.head))


def test_weights_file_that_does_not_fit(tmp_path):
    path = tmp_path / "other.weights.h5"
    two_layers((64,)).save_weights(path)
    with pytest.raises(WeightsMismatchError):
        of(source_network, weights=path)


def test_imagenet_goes_with_applications(model):
    with pytest.raises(BackboneError, match=r"imagenet.*keras.applications"):
        of(model, weights="imagenet")


@pytest.mark.parametrize("value", [None, 3, 1.5, b"model.h5", [1], object()])
def test_what_is_no_backbone(value):
    with pytest.raises(TypeError, match="backbone is of type"):
        of(value)


@pytest.mark.parametrize("kind", ["model", "backbone", "callable", "file"])
def test_feature_layer(model, tmp_path, kind):
    path = tmp_path / "model.keras"
    model.save(path)
    source = {
        "model": model,
        "backbone": Backbone.from_model(model),
        "callable": lambda: model,
        "file": path,
    }[kind]
    backbone = of(source, feature_layer="second")
    assert backbone.n_features_out == 32
    assert backbone.head is None


def test_head_of_a_backbone_stays_with_its_features(model):
    backbone = Backbone.from_model(model, classes=list("abcde"))
    whole = of(backbone, feature_layer="output")
    assert whole.n_features_out == backbone.n_features_out
    part = of(backbone, feature_layer="first")
    assert part.head is None
    assert part.classes is None


# ---- fresh weights


@pytest.mark.parametrize("kind", ["model", "backbone", "file", "callable"])
def test_weights_none_draws_them_from_the_seed(tmp_path, kind):
    model = randomize(undecided())
    path = tmp_path / "fresh.keras"
    model.save(path)
    source = {
        "model": model,
        "backbone": Backbone.from_model(model),
        "file": path,
        "callable": undecided,
    }[kind]
    first, again, other = (of(source, weights=None, seed=s) for s in (1, 1, 2))
    assert first == again
    assert not first.pretrained
    assert first.head is None
    assert not np.array_equal(first.weights[0], model.get_weights()[0])
    assert not np.array_equal(first.weights[0], other.weights[0])
    assert first.architecture_fingerprint == other.architecture_fingerprint


def test_weights_none_of_an_application_follow_the_seed():
    first, again, other = (
        of("MobileNet", SHAPE, weights=None, seed=s) for s in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_weights_none_keeps_adapted_statistics():
    model = make("normalization")
    backbone = of(model, (6,), weights=None, feature_layer="output")
    layer = next(
        layer
        for layer in backbone.build().layers
        if isinstance(layer, keras.layers.Normalization)
    )
    np.testing.assert_allclose(layer.mean, model.layers[0].mean)


# ---- nothing is read twice, nothing old is used


def test_a_file_is_read_once(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    assert of(path) is of(path)
    assert of(path) is of(str(path))


def test_a_file_that_changed_is_read_again(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    first = of(path)
    randomize(model, seed=5).save(path)
    second = of(path)
    assert second != first
    assert second == Backbone.from_model(model) or all(
        map(same_bits, second.weights, Backbone.from_model(model).weights)
    )


def test_a_weights_file_that_changed_is_read_again(model, tmp_path):
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    first = of(source_network, weights=path)
    randomize(model, seed=5).save_weights(path)
    os.utime(path)
    assert of(source_network, weights=path) != first


def test_a_callable_is_called_in_each_fit():
    CALLS.clear()
    first, again = of(counted, (5,)), of(counted, (5,))
    assert first == again
    # Equal weights are in memory once.
    assert all(a is b for a, b in zip(first.weights, again.weights, strict=True))
    assert of(counted, (6,)).input_shape == (6,)
    assert CALLS == [(5,), (5,), (6,)]


FILE = []


def from_file():
    model = source_network()
    model.load_weights(FILE[0])
    return model


def test_a_file_that_a_callable_reads_may_change(model, tmp_path, monkeypatch):
    path = tmp_path / "model.weights.h5"
    monkeypatch.setitem(globals(), "FILE", [path])
    model.save_weights(path)
    first = of(from_file)
    randomize(model, seed=5).save_weights(path)
    second = of(from_file)
    assert second != first
    assert all(map(same_bits, second.weights, Backbone.from_model(model).weights))


def test_names_of_layers_are_those_of_the_callable():
    def network(name):
        return keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(2, "relu", "ones", name=name)]
        )

    for name in ("one", "other"):
        layers = of(lambda name=name: network(name), (3,)).layers_table()
        assert name in {row["name"] for row in layers}


def test_a_local_preset_that_changed_is_read_again(tmp_path, monkeypatch):
    from sktransfer.backbones import zoo

    monkeypatch.setattr(zoo, "build_hub", lambda *args, **kwargs: convolutional(SHAPE))
    file = tmp_path / "assets" / "config.json"
    file.parent.mkdir()
    file.write_text("{}")
    first = of(f"hub:{tmp_path}", SHAPE)
    assert of(f"hub:{tmp_path}", SHAPE) is first
    file.write_text('{"a": 1}')
    assert of(f"hub:{tmp_path}", SHAPE) is not first


def test_a_folder_does_not_hide_an_application(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("MobileNet").mkdir()
    assert of("MobileNet", SHAPE, weights=None).name == "MobileNet"


def test_a_model_is_copied_once(model):
    first = of(model)
    assert of(model) is first
    assert of(model, feature_layer="first") != first
    assert of(model) == first


def test_a_model_trained_further_is_seen(model):
    first = of(model)
    model.layers[0].bias.assign_add(np.ones(48))
    second = of(model)
    assert second != first
    np.testing.assert_array_equal(second.weights[1], model.layers[0].bias)
    model.layers[-1].bias.assign_add(np.ones(5))
    assert of(model).head[1] is not second.head[1]
    np.testing.assert_array_equal(of(model).head[1], model.layers[-1].bias)


def test_a_model_that_goes_away_is_forgotten(model):
    import gc

    def n_models():
        (info,) = (c for c in cache_info() if c.name == "copies of live models")
        return info.entries

    other = randomize(source_network())
    of(other)
    before = n_models()
    del other
    gc.collect()
    assert n_models() < before


# ---- preprocessing


def test_preprocessing_of_an_application_before_any_backbone():
    model = randomize(convolutional(SHAPE))
    backbone = of(model, SHAPE, preprocess="MobileNetV2")
    assert backbone.input_shape == SHAPE
    X = np.random.default_rng(0).uniform(0, 255, (2, *SHAPE)).astype("float32")
    scaled = keras.applications.mobilenet_v2.preprocess_input(X.copy())
    plain = of(model, SHAPE).build()
    np.testing.assert_allclose(
        outputs(backbone.build(), X), outputs(plain, scaled), rtol=1e-4, atol=1e-6
    )
    assert backbone != of(model, SHAPE)


def test_preprocessing_goes_with_a_head(model):
    backbone = of(model, preprocess="MobileNetV2")
    assert backbone.head is not None
    X = np.random.default_rng(0).uniform(0, 255, (3, 64)).astype("float32")
    np.testing.assert_allclose(
        outputs(backbone.build(), X),
        outputs(of(model).build(), X / 127.5 - 1),
        rtol=1e-4,
        atol=1e-5,
    )


def test_unknown_preprocessing(model):
    with pytest.raises(BackboneError, match="preprocess"):
        of(model, preprocess="MobileNetV22")


# ---- what is left alone


def numpy_state():
    return pickle.dumps(np.random.get_state())  # noqa: NPY002


def test_global_random_state(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    keras_generator = keras.src.random.seed_generator.global_seed_generator()
    keras_state = keras_generator.state.numpy()
    python, numpy = random.getstate(), numpy_state()
    for source in (model, path, undecided, Backbone.from_model(model)):
        for weights in ("auto", None):
            of(source, weights=weights, feature_layer="output").build()
    of("MobileNet", SHAPE, weights=None)
    assert random.getstate() == python
    assert numpy_state() == numpy
    np.testing.assert_array_equal(keras_generator.state.numpy(), keras_state)


def test_the_model_is_left_alone(model):
    before = [a.tobytes() for a in model.get_weights()]
    model.compile("adam", "mse")
    of(model, weights=None)
    of(model, preprocess="MobileNetV2", feature_layer="second")
    assert [a.tobytes() for a in model.get_weights()] == before
    assert model.compiled
    assert all(layer.trainable for layer in model.layers)
    assert all(len(layer._inbound_nodes) == 1 for layer in model.layers)
