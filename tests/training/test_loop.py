"""Training, against Keras's own and against steps written out here."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import (
    N_CLASSES,
    RATE,
    TOLERANCE,
    assert_close,
    body,
    by_hand,
    by_keras,
    data,
    examples,
    keras_network,
    train,
    weights,
)

from sktransfer import Backbone
from sktransfer._caches import clear_caches
from sktransfer.exceptions import NonFiniteLossError
from sktransfer.training.plan.early_stopping import EarlyStopping
from sktransfer.training.store import samples as rows_module

# ---- against Keras


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_descent_is_that_of_keras(dtype):
    fitted = train(dtype)
    expected, losses = by_keras(dtype, keras.optimizers.SGD(RATE))
    assert_close(fitted, expected, TOLERANCE[dtype])
    assert {array.dtype for array in [*fitted.weights, *fitted.head]} == {
        np.dtype(dtype)
    }
    np.testing.assert_allclose(
        [entry["loss"] for entry in fitted.history], losses, rtol=1e-5
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adamw_is_that_of_keras(dtype):
    optimizer = keras.optimizers.AdamW(RATE, weight_decay=0.25)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    fitted = train(dtype, optimizer="adamw", weight_decay=0.25)
    assert_close(fitted, by_keras(dtype, optimizer)[0], 10 * TOLERANCE[dtype])


OPTIMIZERS = ["SGD", "AdamW", "Adafactor"]
MORE_OPTIMIZERS = [
    "RMSprop",
    "Adam",
    "Adadelta",
    "Adagrad",
    "Adamax",
    "Nadam",
    "Ftrl",
    "Lion",
    "Lamb",
]


@pytest.mark.parametrize(
    "name",
    [
        *OPTIMIZERS,
        *(pytest.param(name, marks=pytest.mark.slow) for name in MORE_OPTIMIZERS),
    ],
)
def test_each_optimizer_is_that_of_keras(name):
    own = getattr(keras.optimizers, name)(learning_rate=RATE, weight_decay=0.0)
    fitted = train(optimizer=name.lower())
    assert_close(fitted, by_keras("float64", own)[0], 1e-7)


@pytest.mark.parametrize(
    "optimizer", ["schedulefreeadamw", keras.optimizers.ScheduleFreeAdamW()]
)
def test_an_optimizer_that_starts_from_a_copy_of_the_weights_is_refused(optimizer):
    with pytest.raises(ValueError, match=r"optimizer=.*chedule.*xpected one of"):
        train(optimizer=optimizer)


@pytest.mark.parametrize("optimizer", ["adamw", keras.optimizers.Adam(use_ema=True)])
def test_nothing_of_an_earlier_fit_is_left_in_the_optimizer(optimizer):
    clear_caches()
    expected = train(optimizer=optimizer, start=0)
    clear_caches()
    train(optimizer=optimizer, start=5)
    fitted = train(optimizer=optimizer, start=0)
    assert_close(fitted, [*expected.weights, *expected.head], 0)


def test_options_of_an_optimizer_count():
    own = {"momentum": 0.5, "nesterov": True, "clipnorm": 0.25}
    fitted = train(optimizer=keras.optimizers.SGD(9.0, **own))
    # clipnorm bounds each array by itself, so groups of layers do not change it.
    assert_close(fitted, by_keras("float64", keras.optimizers.SGD(RATE, **own))[0])


def test_global_norm_is_that_of_all_gradients():
    own = {"global_clipnorm": 0.25}
    fitted = train(optimizer=keras.optimizers.SGD(**own))
    assert_close(fitted, by_keras("float64", keras.optimizers.SGD(RATE, **own))[0])


def test_label_smoothing_is_that_of_keras():
    fitted = train(label_smoothing=0.25)
    expected, _ = by_keras("float64", keras.optimizers.SGD(RATE), label_smoothing=0.25)
    assert_close(fitted, expected)


# ---- against steps written out


def test_gradient_descent():
    assert_close(train(), by_hand([RATE] * 6))


@pytest.mark.parametrize(("depth", "n_fixed"), [(1, 2), (2, 4)])
def test_frozen_layers(depth, n_fixed):
    fitted = train(depth=depth)
    assert_close(fitted, by_hand([0.0] * n_fixed + [RATE] * (6 - n_fixed)))
    for a, b in zip(fitted.weights[:n_fixed], weights(), strict=False):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("depth", [0, 2])
def test_head_learning_rate(depth):
    backbone = [0.0] * 4 if depth == 2 else [RATE] * 4
    fitted = train(depth=depth, head_learning_rate=0.5)
    assert_close(fitted, by_hand([*backbone, 0.5, 0.5]))


def test_layer_decay():
    fitted = train(layer_decay=0.5)
    assert_close(fitted, by_hand([RATE / 4] * 2 + [RATE / 2] * 2 + [RATE] * 2))
    fitted = train(layer_decay=0.5, depth=1, head_learning_rate=0.5)
    assert_close(fitted, by_hand([0.0] * 2 + [RATE / 2] * 2 + [0.5] * 2))


def test_layer_decay_under_adamw():
    def moved(**settings):
        fitted = train(optimizer="adamw", epochs=1, batch_size=21, **settings)
        return [
            np.abs(a - b).max()
            for a, b in zip([*fitted.weights, *fitted.head], weights(), strict=True)
        ]

    # The first step of Adam is as long as its rate, whatever the gradient.
    np.testing.assert_allclose(moved(), RATE, rtol=1e-3)
    np.testing.assert_allclose(
        moved(layer_decay=0.5, head_learning_rate=0.5),
        np.repeat([RATE / 4, RATE / 2, 0.5], 2),
        rtol=1e-3,
    )


def test_weight_decay_is_of_kernels_only():
    assert_close(train(weight_decay=0.5), by_hand([RATE] * 6, decay=0.5))


def test_weight_decay_goes_by_the_kind_of_weight_not_by_the_layers_name():
    named = [
        keras.Input((4,)),
        keras.layers.Dense(6, "tanh", name="bias_beta_gamma"),
        keras.layers.Dense(5, "tanh", name="unbiased"),
    ]
    fitted = train(weight_decay=0.5, network=named)
    assert_close(fitted, by_hand([RATE] * 6, decay=0.5))


def test_l2_sp():
    assert_close(train(l2_sp=0.5), by_hand([RATE] * 6, l2_sp=0.5))


def test_l2_sp_with_frozen_layers():
    fitted = train(l2_sp=0.5, depth=1)
    assert_close(fitted, by_hand([0.0] * 2 + [RATE] * 4, l2_sp=0.5))


def test_losses_of_the_users_layers_count():
    regularizer = keras.regularizers.L2(0.5)
    options = {"kernel_regularizer": regularizer}
    fitted = train(network=body(**options))
    assert_close(fitted, by_hand([RATE] * 6, **options))
    assert np.abs(fitted.weights[0] - train().weights[0]).max() > 0.01


def test_activity_regularizer_counts():
    options = {"activity_regularizer": keras.regularizers.L2(0.5)}
    fitted = train(network=body(**options))
    assert_close(fitted, by_hand([RATE] * 6, **options))


def test_schedule():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [0, 2, 4], [0.25, 0.125, 0.0625, 0.5]
    )
    rates = [lambda step: float(schedule(step))] * 6
    fitted = train(learning_rate=schedule)
    assert_close(fitted, by_hand(rates))
    assert [e["learning_rate"] for e in fitted.history] == [0.125, 0.5]


def test_schedule_with_a_rate_of_the_head():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.25, 0.125])
    rate = lambda step: float(schedule(step))  # noqa: E731
    fitted = train(learning_rate=schedule, head_learning_rate=0.5)
    assert_close(fitted, by_hand([rate] * 4 + [0.5] * 2))


# ---- rows, their weights and their order


def test_scale_of_weights_does_not_matter():
    X, y, weight = data()
    fitted = train(rows=(X, y, 1000 * weight))
    assert_close(fitted, [*train().weights, *train().head])


def test_loss_is_the_weighted_mean():
    X, y, weight = data()
    fitted = train(learning_rate=1e-30, epochs=1)
    logits = keras_network("float64")(X)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits).numpy()
    assert fitted.history[0]["loss"] == pytest.approx(
        np.average(losses, weights=weight), rel=1e-12
    )


def test_every_row_is_seen_once_an_epoch_in_another_order(monkeypatch):
    from sktransfer.training.step.trainer import Trainer

    seen, steps = [], Trainer.steps

    def spy(self, arrays, *args, **kwargs):
        _, sample_weight, features = arrays
        # Samples without weight only fill the last batch of an epoch.
        seen.append(features[sample_weight > 0, 0])
        return steps(self, arrays, *args, **kwargs)

    monkeypatch.setattr(Trainer, "steps", spy)
    train(rng=np.random.default_rng(0))
    seen = np.split(np.concatenate(seen), 2)
    for order in seen:
        np.testing.assert_allclose(np.sort(order), np.sort(data()[0][:, 0]))
    assert not np.array_equal(*seen)


@pytest.mark.parametrize("depth", [0, 1])
def test_chunks_do_not_change_a_bit(depth, monkeypatch):
    rng = lambda: np.random.default_rng(0)  # noqa: E731
    whole = train("float32", depth=depth, rng=rng())
    monkeypatch.setattr(rows_module, "_CHUNK_BYTES", 500)
    chunked = train("float32", depth=depth, rng=rng())
    monkeypatch.setattr(rows_module, "_KEEP_BYTES", 0)
    anew = train("float32", depth=depth, rng=rng())
    for other in (chunked, anew):
        assert all(map(np.array_equal, other.weights, whole.weights))
        assert all(map(np.array_equal, other.head, whole.head))


def test_batches_larger_than_the_data():
    fitted = train(batch_size=1000)
    assert_close(fitted, [*(f := train(batch_size=21)).weights, *f.head], 1e-15)


def test_repeats_are_the_same_to_the_bit():
    fits = [train("float32", optimizer="adamw", weight_decay=0.1) for _ in range(2)]
    assert all(map(np.array_equal, fits[0].weights, fits[1].weights))
    histories = [
        [{k: v for k, v in entry.items() if k != "seconds"} for entry in fit.history]
        for fit in fits
    ]
    assert histories[0] == histories[1]


# ---- when training ends


def test_patience():
    patience = EarlyStopping(tol=0.1, n_iter_no_change=2)
    assert patience.update(1.0)
    # Better, but not by enough.
    assert patience.update(1.05)
    assert not patience.update(1.0)
    assert not patience.should_stop
    assert patience.update(1.2)
    for _ in range(2):
        assert not patience.update(1.2)
        assert not patience.should_stop
    assert not patience.update(1.2)
    assert patience.should_stop
    assert patience.best == 1.2


def test_training_ends_when_the_loss_does_not_improve():
    fitted = train(learning_rate=1e-30, epochs=20, n_iter_no_change=3)
    assert len(fitted.history) == 5


def test_the_weights_of_the_best_epoch_are_kept():
    X, y, _ = data()
    rest = examples(X[14:], y[14:], np.ones(7))
    rows = (X[:14], y[:14], np.ones(14))
    options = {"rows": rows, "validation": rest, "learning_rate": 1.0}
    fitted = train(epochs=12, n_iter_no_change=20, **options)
    scores = [entry["val_score"] for entry in fitted.history]
    best = int(np.argmax(scores))
    assert best < 11
    assert fitted.best_score == max(scores)
    until_then = train(epochs=best + 1, n_iter_no_change=20, **options)
    assert_close(fitted, [*until_then.weights, *until_then.head], 0)


def test_validation_loss_and_score_are_weighted():
    X, y, weight = data()
    fitted = train(learning_rate=1e-30, epochs=1, validation=examples(X, y, weight))
    entry = fitted.history[0]
    logits = keras_network("float64")(X).numpy()
    assert entry["val_loss"] == pytest.approx(entry["loss"], rel=1e-10)
    assert entry["val_score"] == -entry["val_loss"]
    assert entry["val_accuracy"] == pytest.approx(
        np.average(logits.argmax(axis=1) == y, weights=weight)
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loss_that_is_not_finite(dtype):
    before = train(dtype, optimizer="adam")
    X, y, weight = data()
    with pytest.raises(NonFiniteLossError, match=r"learning_rate=.*smaller"):
        train(dtype, optimizer="adam", rows=(X * np.nan, y, weight))
    # And nothing of it stays in the program.
    after = train(dtype, optimizer="adam")
    assert all(map(np.array_equal, after.weights, before.weights))
    assert all(map(np.array_equal, after.head, before.head))


def test_nothing_is_traced_again():
    from sktransfer.training.step.program_cache import get_program

    fitted = train("float32")
    model = keras.Sequential(body())
    backbone = Backbone.from_model(model, feature_layer="output")
    program = get_program(backbone, 0, N_CLASSES, "float32")
    traces = program.n_traces
    assert traces
    X, y, weight = data(40)
    train("float32", rows=(X[:33], y[:33], weight[:33]))
    train("float32", learning_rate=0.5, head_learning_rate=0.25, weight_decay=0.1)
    train("float32", label_smoothing=0.1, epochs=1, rows=(X, y, np.ones(40)))
    assert program.n_traces == traces
    assert all(map(np.array_equal, train("float32").weights, fitted.weights))
