"""Which networks are trained by XLA, and with which batches."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from sktransfer import Backbone, TransferClassifier
from sktransfer.training.step import trainer as trainer_module
from sktransfer.training.step.xla import xla_batch_size


def network(*between):
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(4, "relu"), *between, layers.Dense(3)]
    )
    return keras.Model(model.inputs, model.outputs)


@pytest.mark.parametrize(
    "between",
    [
        [],
        [layers.Dropout(0.5), layers.LayerNormalization()],
        [layers.BatchNormalization(trainable=False), layers.LeakyReLU()],
        [layers.Reshape((2, 2)), layers.Flatten()],
        [layers.Dense(4, kernel_regularizer="l2", kernel_constraint="non_neg")],
    ],
)
def test_dense_networks(between):
    assert xla_batch_size(network(*between), 32, 100) == 32


class Own(layers.Dense):
    pass


@pytest.mark.parametrize(
    "between",
    [
        [layers.BatchNormalization()],
        [layers.Dense(4, activity_regularizer="l2")],
        [layers.Dense(4, activation=lambda x: x)],
        [layers.Dense(4, kernel_regularizer=lambda w: 0.0)],
        [layers.Reshape((4, 1)), layers.Conv1D(2, 3), layers.Flatten()],
        [layers.Reshape((4, 1)), layers.LSTM(2)],
        [Own(4)],
    ],
)
def test_other_networks(between):
    assert xla_batch_size(network(*between), 32, 100) is None


def test_functions_of_rows_together():
    inputs = keras.Input((6,))
    mixed = inputs - keras.ops.mean(inputs, axis=0, keepdims=True)
    assert xla_batch_size(keras.Model(inputs, layers.Dense(3)(mixed)), 32, 100) is None


@pytest.mark.parametrize(
    ("batch_size", "n", "expected"),
    [
        (32, 1000, 32),
        # A small batch is filled, so that the number of rows changes nothing.
        (32, 20, 32),
        (256, 3, 256),
        # Full batches come in steps of two.
        (1000, 300, 512),
        (10**6, 300, 512),
        (10**6, 513, 1024),
        (10**6, 1025, None),
        (1024, 10**6, 1024),
        (1025, 10**6, None),
    ],
)
def test_rows_of_a_batch(batch_size, n, expected):
    assert xla_batch_size(network(), batch_size, n) == expected


@keras.saving.register_keras_serializable("tests", name="in_python")
def in_python(x):
    values = tf.numpy_function(np.tanh, [tf.stop_gradient(x)], x.dtype)
    values.set_shape(x.shape)
    # Its gradient is that of the identity.
    return x + tf.stop_gradient(values - x)


@pytest.mark.parametrize("xla", [True, False])
def test_only_xla_lengthens_arrays(xla, monkeypatch):
    lengths, pad = [], trainer_module.pad_steps

    def noting(array, n):
        padded = pad(array, n)
        lengths.append((len(padded), len(array)))
        return padded

    monkeypatch.setattr(trainer_module, "pad_steps", noting)
    convolution = [layers.Reshape((4, 1)), layers.Conv1D(2, 3), layers.Flatten()]
    backbone = Backbone.from_model(
        network(*([] if xla else convolution)), feature_layer="output"
    )
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 6))
    TransferClassifier(backbone, recipe="full", epochs=1).fit(X, X[:, 0] > 0)
    assert lengths
    assert all((got > wanted) == xla for got, wanted in lengths)


def test_an_activation_that_xla_cannot_compile_is_trained():
    model = network(layers.Dense(4, activation=in_python))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 6))
    estimator = TransferClassifier(
        Backbone.from_model(model, feature_layer="output"),
        recipe="full",
        epochs=2,
        random_state=0,
    )
    losses = estimator.fit(X, X[:, 0] > 0).loss_curve_
    assert losses[1] < losses[0]
