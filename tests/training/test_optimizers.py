"""Optimizers, schedules and the rates of layers."""

import keras
import numpy as np
import pytest

from sktransfer.training.step.optimizers import (
    check_learning_rate,
    group_rates,
    serialize_optimizer,
    step_rates,
)

schedules = keras.optimizers.schedules


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("adamw", "AdamW"),
        ("AdamW", "AdamW"),
        ("adam", "Adam"),
        ("sgd", "SGD"),
        ("rmsprop", "RMSprop"),
        ("lion", "Lion"),
    ],
)
def test_optimizer_by_name(name, cls):
    assert serialize_optimizer(name)["class_name"] == cls


def test_options_of_an_instance_are_kept():
    config = serialize_optimizer(keras.optimizers.SGD(0.5, momentum=0.9, clipnorm=2.0))
    made = keras.optimizers.deserialize(config)
    assert isinstance(made, keras.optimizers.SGD)
    assert (made.momentum, made.clipnorm) == (0.9, 2.0)


def test_rate_and_decay_make_no_other_optimizer():
    first = serialize_optimizer(keras.optimizers.AdamW(0.1, weight_decay=0.5))
    second = serialize_optimizer(keras.optimizers.AdamW(0.2))
    assert first == second == serialize_optimizer("adamw")
    schedule = schedules.CosineDecay(0.1, 10)
    assert serialize_optimizer(keras.optimizers.AdamW(schedule)) == first


def test_unknown_optimizer():
    with pytest.raises(ValueError, match=r"'adamm'.*Did you mean 'adam'"):
        serialize_optimizer("adamm")
    for value in (3, None, keras.optimizers.SGD):
        with pytest.raises(TypeError, match="optimizer is of type"):
            serialize_optimizer(value)


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.CosineDecay(0.5, 10, warmup_target=1.0, warmup_steps=3),
        schedules.ExponentialDecay(0.5, 4, 0.7),
        schedules.PiecewiseConstantDecay([2, 6], [1.0, 0.5, 0.1]),
    ],
)
def test_schedule(schedule):
    rates = step_rates(schedule, 2, 7)
    expected = [float(schedule(step)) for step in range(2, 9)]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


def test_constant_rate():
    np.testing.assert_array_equal(step_rates(0.25, 5, 3), [0.25] * 3)
    assert len(step_rates(0.25, 0, 0)) == 0


def test_rates_of_layers():
    rates = np.array([1.0, 0.5])
    np.testing.assert_array_equal(
        group_rates(rates, 3, head_rate=5.0, layer_decay=0.5),
        [[0.125, 0.25, 0.5, 5.0], [0.0625, 0.125, 0.25, 5.0]],
    )
    np.testing.assert_array_equal(
        group_rates(rates, 3, head_rate=None, layer_decay=1.0), [[1, 1], [0.5, 0.5]]
    )
    np.testing.assert_array_equal(
        group_rates(rates, 0, head_rate=3.0, layer_decay=0.5), [[3.0], [3.0]]
    )


@pytest.mark.parametrize(
    "rate", [1, 0.1, np.float32(0.1), np.int64(1), schedules.CosineDecay(0.1, 5)]
)
def test_good_learning_rates(rate):
    check_learning_rate(rate)


@pytest.mark.parametrize("rate", [0, -1.0, float("inf"), float("nan")])
def test_learning_rate_out_of_range(rate):
    with pytest.raises(ValueError, match=r"learning_rate=.*above 0"):
        check_learning_rate(rate)


@pytest.mark.parametrize("rate", [None, "0.1", True, [0.1]])
def test_learning_rate_of_another_type(rate):
    with pytest.raises(TypeError, match=r"learning_rate=.*LearningRateSchedule"):
        check_learning_rate(rate)
