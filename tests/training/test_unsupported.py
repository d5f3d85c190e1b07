"""Layers that TensorFlow cannot compute in float64 on a CPU."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from sktransfer import BackboneFeatures, TransferClassifier
from sktransfer.exceptions import BackboneError
from sktransfer.training.step.unsupported import unsupported_layers

FIRST = {"data_format": "channels_first"}
Y = np.arange(12) % 2

pytestmark = [
    pytest.mark.skipif(
        bool(tf.config.list_physical_devices("GPU")), reason="a GPU computes them"
    ),
    pytest.mark.filterwarnings("ignore:epochs=1 has no effect"),
]


def network(*parts, shape=(3, 8, 8)):
    return keras.Sequential([keras.Input(shape), *parts, layers.Flatten(**FIRST)])


def images(shape=(3, 8, 8)):
    return np.random.default_rng(0).random((12, *shape))


@pytest.mark.parametrize("frozen_depth", [0, 1, "all"])
def test_convolutions(frozen_depth):
    model = network(layers.Conv2D(4, 3, name="first", **FIRST))
    clf = TransferClassifier(model, frozen_depth=frozen_depth, epochs=1)
    with pytest.raises(BackboneError) as raised:
        clf.set_params(dtype="float64").fit(images(), Y)
    message = str(raised.value)
    for part in ("dtype='float64'", "layer 'first'", "dtype='float32'", "channels_las"):
        assert part in message
    assert len(message) < 400
    assert not hasattr(clf, "backbone_")
    clf.set_params(dtype="float32").fit(images(), Y)


def test_a_cpu_without_the_layer_in_float32(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    network = keras.Sequential([keras.Input((3, 8, 8)), layers.Conv2D(4, 3, **FIRST)])
    error = tf.errors.UnimplementedError(
        None, None, "when calling Conv2D.call\nThe Conv2D op only supports NHWC"
    )
    with (
        pytest.raises(BackboneError, match="TF_ENABLE_ONEDNN_OPTS=1"),
        unsupported_layers(network, "float32"),
    ):
        raise error


def test_the_layer_is_named_among_others_with_similar_names():
    depthwise = layers.DepthwiseConv2D(3, name="part", **FIRST)
    model = network(depthwise, layers.Conv2D(4, 3, name="part_1", **FIRST))
    with pytest.raises(BackboneError, match="'part_1'"):
        BackboneFeatures(model, dtype="float64").fit_transform(images())


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (layers.Conv3DTranspose(2, 3, name="volume", **FIRST), "layer 'volume'"),
        (layers.AveragePooling3D(2, name="volume"), "layer 'volume'"),
        (layers.MaxPooling3D(2), "MaxPooling3D layers"),
    ],
)
def test_layers_for_volumes(layer, named):
    model = network(layer, shape=(4, 4, 4, 4))
    clf = TransferClassifier(model, epochs=1, dtype="float64")
    with pytest.raises(BackboneError, match=f"cannot compute the {named}.*float32"):
        clf.fit(images((4, 4, 4, 4)), Y)


def test_other_errors_of_tensorflow_are_left_alone():
    model = keras.Sequential(
        [keras.Input((3,)), layers.Embedding(5, 2), layers.Flatten()]
    )
    with pytest.raises(tf.errors.InvalidArgumentError):
        BackboneFeatures(model).fit_transform(np.full((4, 3), 9))
