"""A small network, trained by the package, by Keras and by steps written out."""

import keras
import numpy as np
import tensorflow as tf

from sktransfer import Backbone
from sktransfer._task import FitTask, Settings
from sktransfer.heads import ClassHead
from sktransfer.training.fine_tune import fine_tune
from sktransfer.training.observer import Observer
from sktransfer.training.plan.stages import Stage
from sktransfer.training.step.optimizers import serialize_optimizer
from sktransfer.training.store.samples import Samples

N_CLASSES = 3
# Exact in float32, in which Keras keeps learning rates.
RATE = 0.125
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


class InOrder(np.random.Generator):
    """Leaves rows in their order."""

    def __init__(self):
        super().__init__(np.random.PCG64(0))

    def permutation(self, n):
        return np.arange(n)

    def spawn(self, n_children):
        return [np.random.default_rng(7) for _ in range(n_children)]


def body(dtype="float32", **kwargs):
    return [
        keras.Input((4,), dtype=dtype),
        keras.layers.Dense(6, "tanh", name="first", dtype=dtype, **kwargs),
        keras.layers.Dense(5, "tanh", name="second", dtype=dtype),
    ]


def weights(seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(4, 6), (6,), (6, 5), (5,), (5, N_CLASSES), (N_CLASSES,)]
    return [rng.normal(size=shape) for shape in shapes]


def data(n=21):
    """Rows, classes and weights, all exact in float32, which Keras makes of them."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 4)).astype("float32").astype("float64")
    y = rng.integers(0, N_CLASSES, n).astype("int32")
    return X, y, np.resize([0.5, 1.0, 1.5], n)


def examples(X, y, weight):
    return Samples(X, np.arange(len(X)), y, weight)


def keras_network(dtype, **kwargs):
    """The network and its head, as Keras alone would have it."""
    model = keras.Sequential(
        [*body(dtype, **kwargs), keras.layers.Dense(N_CLASSES, dtype=dtype)]
    )
    model.set_weights(weights())
    return model


def train(
    dtype="float64",
    *,
    depth=0,
    epochs=2,
    optimizer="sgd",
    rows=None,
    rng=None,
    validation=None,
    network=None,
    start=0,
    going_on=None,
    **settings,
):
    X, y, weight = data() if rows is None else rows
    model = keras.Sequential(body() if network is None else network)
    backbone = Backbone.from_model(model, feature_layer="output")
    exact = [array.astype(dtype) for array in weights(start)]
    if going_on is not None:
        exact = [*going_on.weights, *going_on.head]
    backbone = backbone.replace(weights=exact[:4])
    defaults = {"learning_rate": RATE, "batch_size": 8, "epochs": epochs}
    task = FitTask(
        samples=examples(X, y, weight),
        head=ClassHead(np.arange(N_CLASSES)),
        backbone=backbone,
        frozen_depth=depth,
        order="full",
        settings=Settings(
            optimizer=serialize_optimizer(optimizer), **(defaults | settings)
        ),
        dtype=dtype,
        rng=InOrder() if rng is None else rng,
        observer=Observer(),
        head_weights=tuple(exact[4:]),
        validation=validation,
        optimizer_state=going_on and going_on.optimizer_state,
    )
    return fine_tune(task, [Stage("fine_tune", depth, epochs)])


def by_keras(dtype, optimizer, *, epochs=2, label_smoothing=0.0):
    X, y, weight = data()
    model = keras_network(dtype)
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=label_smoothing, dtype=dtype
    )
    model.compile(optimizer, loss)
    history = model.fit(
        X.astype(dtype),
        np.eye(N_CLASSES)[y],
        sample_weight=weight / weight.mean(),
        batch_size=8,
        epochs=epochs,
        shuffle=False,
        verbose=0,
    )
    return model.get_weights(), history.history["loss"]


def by_hand(
    rates, *, epochs=2, decay=0.0, l2_sp=0.0, mix=None, after_step=None, **kwargs
):
    """Gradient descent with a rate for each of the six arrays, in float64.

    `mix` makes other rows, one-hot labels and weights of those of a batch; `after_step`
    gets the weights after each step.
    """
    X, y, weight = data()
    y, weight = np.eye(N_CLASSES)[y], weight / weight.mean()
    model = keras_network("float64", **kwargs)
    start = [v.numpy() for v in model.trainable_variables]
    step = 0
    for _ in range(epochs):
        for begin in range(0, len(X), 8):
            part = slice(begin, begin + 8)
            batch = X[part], y[part], weight[part]
            rows, labels, of_rows = batch if mix is None else mix(*batch)
            with tf.GradientTape() as tape:
                logits = model(rows, training=True)
                loss = tf.reduce_mean(
                    of_rows * tf.nn.softmax_cross_entropy_with_logits(labels, logits)
                )
                loss += sum(model.losses)
            variables = model.trainable_variables
            gradients = tape.gradient(loss, [v.value for v in variables])
            for i, (v, gradient) in enumerate(zip(variables, gradients, strict=True)):
                value = v.numpy()
                rate = rates[i](step) if callable(rates[i]) else rates[i]
                pull = l2_sp * (value - start[i]) if i < 4 else 0
                shrink = decay * value if v.name == "kernel" else 0
                v.assign(value - rate * (gradient.numpy() + pull + shrink))
            step += 1
            if after_step is not None:
                after_step(model.get_weights())
    return model.get_weights()


def assert_close(fitted, expected, tolerance=1e-10):
    for a, b in zip([*fitted.weights, *fitted.head], expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
