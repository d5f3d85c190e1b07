"""Backbones by name: keras.applications and keras-hub."""

import functools
import json
import random
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from sktransfer.backbones import zoo
from sktransfer.backbones.zoo import applications
from sktransfer.exceptions import (
    BackboneError,
    BackboneFileError,
    UnsafeFileError,
    WeightsMismatchError,
)

SHAPE = (32, 32, 3)
NAMES = zoo.application_names()


def images(n=2, shape=SHAPE):
    pixels = np.random.default_rng(0).uniform(0, 255, (n, *shape))
    return pixels.astype("float32")


def predict(model, x):
    return keras.ops.convert_to_numpy(model(x))


@functools.cache
def own_model(name, include_top=False):
    return getattr(keras.applications, name)(
        include_top=include_top, weights=None, input_shape=SHAPE
    )


@pytest.fixture(scope="module")
def mobilenet():
    return own_model("MobileNet")


@pytest.fixture(scope="module")
def mobilenet_file(mobilenet, tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "mobilenet.weights.h5"
    mobilenet.save_weights(path)
    return path


def preprocess_input(name):
    """Find an application's preprocess_input among the public modules of Keras."""
    if name.startswith("MobileNetV3"):
        return keras.applications.mobilenet_v3.preprocess_input
    if name in ("ResNet50V2", "ResNet101V2", "ResNet152V2"):
        return keras.applications.resnet_v2.preprocess_input
    for module in vars(keras.applications).values():
        if hasattr(module, name) and hasattr(module, "preprocess_input"):
            return module.preprocess_input
    raise AssertionError(name)


def test_application_names():
    assert sorted(NAMES) == NAMES
    assert {"MobileNetV2", "ResNet50", "EfficientNetB0", "ConvNeXtTiny"} <= set(NAMES)
    assert len(NAMES) >= 38
    assert not any(name.islower() for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_preprocessing_is_the_applications_own(name):
    x = images(shape=(4, 5, 3))
    expected = preprocess_input(name)(x.copy())

    scaled = x
    for layer in zoo.application_preprocessing(name):
        assert isinstance(layer, keras.Layer)
        assert not layer.weights
        scaled = predict(type(layer).from_config(layer.get_config()), scaled)

    np.testing.assert_allclose(scaled, expected, rtol=1e-5, atol=1e-4)
    assert bool(zoo.application_preprocessing(name)) == (not np.allclose(x, expected))


def test_channel_flip_can_be_saved(tmp_path):
    (layer,) = zoo.application_preprocessing("VGG16")
    layer.save(tmp_path / "preprocessing.keras")
    loaded = keras.models.load_model(tmp_path / "preprocessing.keras")
    np.testing.assert_array_equal(predict(loaded, images()), predict(layer, images()))


@pytest.mark.parametrize("name", ["MobileNetV2", "VGG16"])
def test_model_takes_raw_pixels(name):
    own = own_model(name)
    model = zoo.build_application(name, weights=None, input_shape=SHAPE)
    model.set_weights(own.get_weights())
    expected = predict(own, preprocess_input(name)(images()))

    np.testing.assert_allclose(predict(model, images()), expected, rtol=1e-3, atol=1e-4)
    assert model.input_shape == (None, *SHAPE)
    assert len(model.output_shape) == 4
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)

    rebuilt = keras.Model.from_config(model.get_config())
    rebuilt.set_weights(model.get_weights())
    np.testing.assert_array_equal(predict(rebuilt, images()), predict(model, images()))


def test_preprocess_none_is_keras_own_model():
    name = "MobileNet"
    own = own_model(name)
    model = zoo.build_application(
        name, weights=None, input_shape=SHAPE, preprocess=None
    )
    model.set_weights(own.get_weights())
    np.testing.assert_array_equal(predict(model, images()), predict(own, images()))


def test_other_shapes_are_accepted():
    grey = zoo.build_application("MobileNetV2", weights=None, input_shape=[40, 36, 1])
    assert grey.input_shape == (None, 40, 36, 1)
    any_size = zoo.build_application(
        "VGG16", weights=None, input_shape=(None, None, np.int64(3))
    )
    assert any_size.output_shape == (None, None, None, 512)


def test_imagenet_weights_come_through_keras(monkeypatch, mobilenet, mobilenet_file):
    asked = []

    def get_file(name, origin, **kwargs):
        asked.append(name)
        return str(mobilenet_file)

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    with pytest.warns(UserWarning, match="Weights for input shape"):
        model = zoo.build_application(
            "MobileNet", weights="imagenet", input_shape=SHAPE
        )
    assert len(asked) == 1
    assert "no_top" in asked[0]
    for found, expected in zip(
        model.get_weights(), mobilenet.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_failed_download(monkeypatch):
    def get_file(name, origin, **kwargs):
        raise Exception(f"URL fetch failure on {origin}: no network")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    with pytest.raises(BackboneError, match=r"URL fetch failure.*weights=<path"):
        zoo.build_application("VGG16", weights="imagenet", input_shape=(224, 224, 3))


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_weights_from_a_file(suffix, mobilenet, mobilenet_file, tmp_path):
    path = mobilenet_file
    if suffix == ".h5":
        path = tmp_path / "mobilenet.h5"
        mobilenet.save(path)
    model = zoo.build_application("MobileNet", weights=path, input_shape=SHAPE)
    for found, expected in zip(
        model.get_weights(), mobilenet.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_weights_with_the_top(suffix, tmp_path):
    path = tmp_path / f"with_top{suffix}"
    model = own_model("MobileNet", include_top=True)
    (model.save if suffix == ".h5" else model.save_weights)(path)
    loaded = zoo.build_application("MobileNet", weights=path, input_shape=SHAPE)
    for found, expected in zip(loaded.get_weights(), model.get_weights(), strict=False):
        np.testing.assert_array_equal(found, expected)


def test_weights_of_another_network(mobilenet_file):
    with pytest.raises(WeightsMismatchError, match="VGG16"):
        zoo.build_application("VGG16", weights=mobilenet_file, input_shape=SHAPE)


def test_weights_file_missing(tmp_path):
    with pytest.raises(BackboneFileError, match=r"nowhere\.weights\.h5"):
        zoo.build_application(
            "MobileNet", weights=tmp_path / "nowhere.weights.h5", input_shape=SHAPE
        )


def test_efficientnet_imagenet_file_scales_as_the_download_does(monkeypatch):
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

    def load_weights(model, path, find_head):
        # Keras's files hold the standard deviation in place of the variance.
        model.get_layer("normalization").set_weights([mean, std, np.array(0)])

    monkeypatch.setattr(applications, "load_weights", load_weights)
    model = zoo.build_application("EfficientNetB0", weights="x.h5", input_shape=SHAPE)
    scaling = keras.Model(model.inputs[0], model.get_layer("normalization").output)
    expected = (images() / 255 - mean) / std
    np.testing.assert_allclose(predict(scaling, images()), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("MobilenetV2", "'MobileNetV2'"),
        ("mobilenetv2", "'MobileNetV2'"),
        ("resnet50", "'ResNet50'"),
        ("EficientNetB3", "'EfficientNetB3'"),
    ],
)
def test_unknown_name_suggests_the_closest(name, close):
    with pytest.raises(BackboneError, match=f"backbone='{name}'.*mean {close}"):
        zoo.build_application(name, weights=None, input_shape=SHAPE)
    with pytest.raises(BackboneError, match=f"mean {close}"):
        zoo.application_preprocessing(name)


@pytest.mark.parametrize("name", ["zzz", "decode_predictions", "mobilenet_v2x", 3])
def test_unknown_name_lists_the_known(name):
    accepted = r"Accepted: auto, tabular, mlp, mlp_ensemble, ConvNeXtBase, .*Xception"
    with pytest.raises(BackboneError, match=accepted):
        zoo.build_application(name, weights=None, input_shape=SHAPE)


@pytest.mark.parametrize(
    ("name", "shape", "weights", "message"),
    [
        ("MobileNetV2", (8, 8, 3), None, r"\(8, 8, 3\).*at least 32x32"),
        ("Xception", (32, 32, 3), None, r"\(32, 32, 3\).*at least 71x71"),
        ("MobileNetV2", (64,), None, r"\(height, width, channels\).*\(64,\)"),
        ("MobileNetV2", (32, 0, 3), None, "positive integers"),
        ("MobileNetV2", (32, 32, 1), "imagenet", r"3 channels.*\(32, 32, 1\)"),
        ("VGG16", (32, 32, 1), None, r"3 channels.*\(32, 32, 1\)"),
        ("DenseNet121", (32, 32, 4), None, r"3 channels.*\(32, 32, 4\)"),
    ],
)
def test_shapes_that_do_not_fit(name, shape, weights, message):
    with pytest.raises(BackboneError, match=f"backbone='{name}'.*{message}"):
        zoo.build_application(name, weights=weights, input_shape=shape)


def test_channels_first_is_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    with pytest.raises(BackboneError, match="channels_first"):
        zoo.build_application("MobileNetV2", weights=None, input_shape=SHAPE)


def test_layer_names_do_not_depend_on_earlier_builds():
    first, second = (
        zoo.build_application("MobileNetV3Small", weights=None, input_shape=SHAPE)
        for _ in range(2)
    )
    names = [operation.name for operation in first.operations]
    assert names == [operation.name for operation in second.operations]
    assert len(set(names)) == len(names)
    assert {"rescaling", "re_lu", "re_lu_1"} <= set(names)
    assert "pixel_scaling" not in names


def test_global_random_state_is_left_alone():
    python = random.getstate()
    numpy = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002
    zoo.build_application("MobileNetV2", weights=None, input_shape=SHAPE)
    zoo.application_preprocessing("VGG16")
    with pytest.raises(BackboneError):
        zoo.build_application("VGG16", weights=None, input_shape=(8, 8, 3))
    assert random.getstate() == python
    key = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002
    np.testing.assert_array_equal(key, numpy)


def test_hub_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(ImportError, match=r'pip install "sktransfer\[hub\]"'):
        zoo.build_hub("resnet_18_imagenet", weights=None, input_shape=SHAPE)


@pytest.fixture(scope="module")
def hub():
    return pytest.importorskip("keras_hub", exc_type=ImportError)


@pytest.fixture(scope="module")
def backbone(hub):
    return hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64],
        stackwise_num_blocks=[1],
        stackwise_num_strides=[1],
        block_type="basic_block",
    )


@pytest.fixture(scope="module")
def preset(backbone, tmp_path_factory):
    path = tmp_path_factory.mktemp("hub") / "resnet"
    backbone.save_to_preset(str(path))
    return str(path)


@pytest.fixture(scope="module")
def preset_with_converter(hub, backbone, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("hub") / "resnet")
    backbone.save_to_preset(path)
    hub.layers.ResNetImageConverter(
        image_size=(64, 64), scale=[0.01, 0.02, 0.03], offset=[-1.0, -2.0, -3.0]
    ).save_to_preset(path)
    return path


def test_hub_local_preset(backbone, preset):
    model = zoo.build_hub(preset, weights="auto", input_shape=SHAPE)
    assert model.input_shape == (None, *SHAPE)
    np.testing.assert_allclose(
        predict(model, images()), predict(backbone, images()), rtol=1e-5
    )


def test_hub_copies_from_its_config(preset_with_converter):
    model = zoo.build_hub(preset_with_converter, weights="auto", input_shape=SHAPE)
    rebuilt = keras.Model.from_config(model.get_config())
    rebuilt.set_weights(model.get_weights())
    np.testing.assert_array_equal(predict(rebuilt, images()), predict(model, images()))


def test_hub_image_converter_scales(backbone, preset_with_converter):
    model = zoo.build_hub(preset_with_converter, weights="auto", input_shape=SHAPE)
    scaled = images() * [0.01, 0.02, 0.03] - [1.0, 2.0, 3.0]
    np.testing.assert_allclose(
        predict(model, images()), predict(backbone, scaled), rtol=1e-4, atol=1e-5
    )
    raw = zoo.build_hub(
        preset_with_converter, weights="auto", input_shape=SHAPE, preprocess=None
    )
    np.testing.assert_allclose(
        predict(raw, images()), predict(backbone, images()), rtol=1e-5
    )


def test_hub_random_weights(backbone, preset):
    model = zoo.build_hub(preset, weights=None, input_shape=SHAPE)
    assert not np.allclose(model.get_weights()[0], backbone.get_weights()[0])


def test_hub_weights_from_a_file(backbone, preset, tmp_path):
    other = type(backbone).from_config(backbone.get_config())
    other.save_weights(tmp_path / "other.weights.h5")
    model = zoo.build_hub(
        preset, weights=tmp_path / "other.weights.h5", input_shape=SHAPE
    )
    for found, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_hub_imagenet_is_refused(hub, preset):
    with pytest.raises(BackboneError, match="a preset has its own weights"):
        zoo.build_hub(preset, weights="imagenet", input_shape=SHAPE)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((32, 32, 1), r"\(32, 32, 1\)"), ((32, 32), r"\(height, width, channels\)")],
)
@pytest.mark.parametrize("fixture", ["preset", "preset_with_converter"])
def test_hub_shapes_that_do_not_fit(fixture, shape, message, request):
    preset = request.getfixturevalue(fixture)
    with pytest.raises(BackboneError, match=f"backbone='hub:.*{message}"):
        zoo.build_hub(preset, weights="auto", input_shape=shape)


def test_hub_text_backbone_is_refused(hub, tmp_path):
    hub.models.BertBackbone(
        vocabulary_size=10,
        num_layers=1,
        num_heads=1,
        hidden_dim=4,
        intermediate_dim=4,
    ).save_to_preset(str(tmp_path / "bert"))
    with pytest.raises(BackboneError, match="only image backbones with a single"):
        zoo.build_hub(str(tmp_path / "bert"), weights="auto", input_shape=SHAPE)


def test_hub_preset_with_code_is_refused(hub, preset, tmp_path):
    config = json.loads(Path(preset, "config.json").read_text())
    config["config"]["image_shape"] = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"function": "print"},
        "registered_name": None,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnsafeFileError, match="Lambda"):
        zoo.build_hub(str(tmp_path), weights="auto", input_shape=SHAPE)


def test_hub_unknown_preset(hub):
    with pytest.raises(BackboneError, match=r"backbone='hub:\./no_such_preset'"):
        zoo.build_hub("./no_such_preset", weights="auto", input_shape=SHAPE)


def test_hub_global_random_state_is_left_alone(hub, preset):
    before = random.getstate()
    zoo.build_hub(preset, weights="auto", input_shape=SHAPE)
    assert random.getstate() == before
