"""Which weights a recipe trains, and through what."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import N_CLASSES, RATE, InOrder, assert_close, by_hand, data, train
from steps import keras_network as make_keras_network

from sktransfer import Backbone
from sktransfer.training.plan.trained_variables import (
    check_trained_variables,
    choose_variables,
)
from sktransfer.training.step.lora import LowRank
from sktransfer.training.step.program_cache import get_program

layers = keras.layers


def program(depth=0, body=None):
    body = body or [
        layers.Dense(4, name="a"),
        layers.BatchNormalization(name="b"),
        layers.Dense(4, use_bias=False, name="c"),
        layers.LayerNormalization(name="d"),
        layers.Dense(4, name="e"),
    ]
    model = keras.Sequential([keras.Input((4,)), *body])
    backbone = Backbone.from_model(model, feature_layer="output")
    return get_program(backbone, depth, N_CLASSES, "float32")


def chosen(tune, depth=0, frozen_depth=0):
    *groups, head = choose_variables(program(depth), tune, frozen_depth)
    assert len(head) == 2
    names = "abcde"[depth:]
    assert len(groups) == len(names)
    return " ".join(
        f"{name}:{variable.name}"
        for name, group in zip(names, groups, strict=True)
        for variable in group
    )


@pytest.mark.parametrize(
    ("tune", "expected"),
    [
        ("bias", "a:bias b:beta d:beta e:bias"),
        ("norm", "b:gamma b:beta d:gamma d:beta"),
        ("lora", "a:kernel c:kernel e:kernel"),
        ("first", "a:kernel a:bias b:gamma b:beta"),
        ("middle", "c:kernel d:gamma d:beta"),
        ("last", "e:kernel e:bias"),
    ],
)
def test_what_is_trained(tune, expected):
    assert chosen(tune) == expected


def test_thirds_are_of_the_unfrozen_layers_whatever_the_stage():
    assert chosen("first", depth=2, frozen_depth=2) == "c:kernel"
    # An early stage of gradual unfreezing.
    assert chosen("last", depth=2, frozen_depth=0) == "e:kernel e:bias"
    assert chosen("middle", depth=3, frozen_depth=0) == "d:gamma d:beta"
    assert chosen("first", depth=4, frozen_depth=0) == ""


def test_all_kinds_of_normalization():
    kinds = [
        layers.GroupNormalization(2),
        layers.RMSNormalization(),
        layers.UnitNormalization(),
    ]
    groups = choose_variables(program(body=kinds), "norm", 0)[:-1]
    names = [[variable.name for variable in group] for group in groups]
    assert names == [["gamma", "beta"], ["scale"]]


@pytest.mark.parametrize(
    ("tune", "body", "words"),
    [
        ("bias", [layers.Dense(4, use_bias=False)], "none of the 1 .* has a bias"),
        ("norm", [layers.Dense(4)], "none of the 1 .* normalization"),
        ("lora", [layers.LayerNormalization()], "Keras supports LoRA"),
        ("lora", [layers.Dense(4, kernel_constraint="non_neg")], "Keras supports LoRA"),
        (
            "last",
            [layers.Dense(4), layers.Dense(4)],
            "needs 3 or more unfrozen layers; got 2",
        ),
    ],
)
def test_nothing_to_train(tune, body, words):
    with pytest.raises(ValueError, match=f"(?s)tune='{tune}' of the recipe.*{words}"):
        check_trained_variables(program(body=body), tune)


def test_with_everything_frozen_there_is_nothing_to_choose():
    check_trained_variables(program(5), "norm")


# ---- the steps


def test_bias_only():
    rates = [0.0, RATE, 0.0, RATE, RATE, RATE]
    assert_close(train(tune="bias"), by_hand(rates))


def test_choice_with_rates_of_layers_and_a_penalty():
    rates = [0.0, RATE / 4, 0.0, RATE / 2, RATE, RATE]
    fitted = train(tune="bias", layer_decay=0.5, l2_sp=0.5)
    assert_close(fitted, by_hand(rates, l2_sp=0.5))


def by_keras_lora(rank):
    """Gradient descent on what ``enable_lora`` makes of the network."""
    model = make_keras_network("float32")
    rng = np.random.default_rng(0)
    trained = []
    for layer in model.layers[:2]:
        layer.enable_lora(rank)
        limit = np.sqrt(6 / layer.kernel.shape[0])
        layer.lora_kernel_a.assign(
            rng.uniform(-limit, limit, (layer.kernel.shape[0], rank))
        )
        trained += [layer.lora_kernel_a, layer.lora_kernel_b]
    trained += model.layers[2].trainable_variables
    X, y, weight = data()
    weight = weight / weight.mean()
    for begin in [0, 8, 16] * 2:
        part = slice(begin, begin + 8)
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                y[part], model(X[part], training=True)
            )
            loss = tf.reduce_mean(weight[part].astype("float32") * losses)
        gradients = tape.gradient(loss, [v.value for v in trained])
        for variable, gradient in zip(trained, gradients, strict=True):
            variable.assign(variable - RATE * gradient)
    return [
        array
        for layer in model.layers
        for array in (keras.ops.convert_to_numpy(layer.kernel), layer.bias.numpy())
    ]


def test_low_rank_updates_are_those_of_keras():
    fitted = train("float32", tune="lora", lora_rank=3)
    assert_close(fitted, by_keras_lora(3), 1e-5)


def test_low_rank_updates_have_that_rank():
    fitted = train(tune="lora", lora_rank=2, optimizer="adamw")
    start = make_keras_network("float64").get_weights()
    for i, rank in ((0, 2), (2, 2)):
        update = fitted.weights[i] - start[i]
        assert np.linalg.matrix_rank(update, tol=1e-8) == rank
    for i in (1, 3):
        np.testing.assert_array_equal(fitted.weights[i], start[i])


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Dense(5), (4,)),
        (layers.Conv2D(5, 3), (8, 8, 2)),
        (layers.EinsumDense("abc,cde->abde", (None, 2, 3)), (4, 6)),
        (layers.Embedding(7, 5), (4,)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_low_rank_kernels_of_each_kind_are_those_of_keras(layer, shape):
    layer.build((None, *shape))
    kernel = layer.embeddings if hasattr(layer, "embeddings") else layer.kernel
    part = LowRank([[kernel]], 2, "float32")
    (factors,) = part.layers
    part.start(np.random.default_rng(0))
    start, *_ = part.state()
    np.testing.assert_array_equal(kernel.numpy(), start)
    values = [
        np.random.default_rng(i).normal(size=f.shape) for i, f in enumerate(factors)
    ]
    for factor, value in zip(factors, values, strict=True):
        factor.assign(value)
    gradient = tf.constant(
        np.random.default_rng(3).normal(size=kernel.shape), "float32"
    )
    of_factors = part.gradients([gradient, "another"])
    part.update()
    merged = kernel.numpy()

    kernel.assign(start)
    layer.enable_lora(2)
    name = "embeddings" if hasattr(layer, "embeddings") else "kernel"
    own = [getattr(layer, f"lora_{name}_{which}") for which in "ab"]
    for variable, value in zip(own, values, strict=True):
        variable.assign(value)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(getattr(layer, name) * gradient)
    np.testing.assert_allclose(merged, getattr(layer, name), rtol=1e-5, atol=1e-6)
    expected = tape.gradient(total, [v.value for v in own])
    assert of_factors[2] == "another"
    for a, b in zip(of_factors, expected, strict=False):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_low_rank_updates_start_anew_in_each_fit_and_by_the_seed():
    fits = [
        train("float32", tune="lora", rng=rng)
        for rng in (np.random.default_rng(1), InOrder(), np.random.default_rng(1))
    ]
    assert all(map(np.array_equal, fits[0].weights, fits[2].weights))
    assert not np.array_equal(fits[0].weights[0], fits[1].weights[0])


@pytest.mark.parametrize(
    ("tune", "use_ema"), [("all", True), ("lora", False), ("lora", True)]
)
def test_going_on_is_as_if_there_had_been_no_pause(tune, use_ema):
    optimizer = keras.optimizers.AdamW(use_ema=use_ema, ema_momentum=0.5)
    options = {"tune": tune, "optimizer": optimizer}
    first = train(epochs=1, **options)
    # Something else in between.
    train(epochs=1, start=5, **options)
    second = train(epochs=1, going_on=first, **options)
    whole = train(epochs=2, **options)
    assert_close(second, [*whole.weights, *whole.head], 1e-12)
