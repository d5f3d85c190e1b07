"""Warm-up and the cosine, against Keras's CosineDecay."""

import keras
import numpy as np
import pytest
from steps import RATE, assert_close, by_hand, train

from sktransfer.training.plan.planned_rate import PlannedRate


@pytest.mark.parametrize("is_cosine", [False, True])
@pytest.mark.parametrize("n_warm_up", [0, 1, 4, 9])
def test_rates_are_those_of_keras(is_cosine, n_warm_up):
    start = {"initial_learning_rate": 0.5}
    if n_warm_up:
        start = {
            "initial_learning_rate": 0.0,
            "warmup_target": 0.5,
            "warmup_steps": n_warm_up,
        }
    schedule = keras.optimizers.schedules.CosineDecay(
        decay_steps=10 - n_warm_up, alpha=0.0 if is_cosine else 1.0, **start
    )
    rate = PlannedRate(0.5, 10, n_warm_up=n_warm_up, is_cosine=is_cosine)
    expected = [float(schedule(step)) for step in range(12)]
    np.testing.assert_allclose(rate(np.arange(12)), expected, atol=1e-7)


def test_the_plan_is_for_all_epochs():
    # Two epochs of three batches; a third of the steps rise.
    factors = [0, 0.5, *(0.5 * (1 + np.cos(np.pi * np.arange(4) / 4)))]
    fitted = train(schedule="cosine", warm_up=1 / 3, head_learning_rate=0.5)
    body, head = (lambda step, peak=peak: peak * factors[step] for peak in (RATE, 0.5))
    # Keras keeps learning rates in float32.
    assert_close(fitted, by_hand([body] * 4 + [head] * 2), 1e-7)
    told = [entry["learning_rate"] for entry in fitted.history]
    np.testing.assert_allclose(told, RATE * np.array(factors)[[2, 5]])


def test_warm_up_alone():
    rate = lambda step: RATE * min(1, step / 3)  # noqa: E731
    assert_close(train(warm_up=0.5), by_hand([rate] * 6), 1e-7)
