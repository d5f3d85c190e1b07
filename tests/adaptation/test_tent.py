"""TENT: entropy of the target by scales and shifts of batch normalization."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from domain_methods import (
    QUICK,
    assert_off_is_source_only,
    assert_reads_no_target_label_and_changes_no_input,
    fit,
    mean_accuracies,
    toy,
)
from networks import _dense

from sktransfer.adaptation import TENT, AdaBN, DomainBatch


def network():
    """Two Dense layers, each followed by batch normalization, for rows of 2 values."""
    return keras.Sequential(
        [
            keras.Input((2,)),
            _dense(32, None, 1),
            keras.layers.BatchNormalization(),
            keras.layers.Activation("relu"),
            _dense(16, None, 2),
            keras.layers.BatchNormalization(),
            keras.layers.Activation("relu"),
        ],
        name="normalized",
    )


# Scales and shifts, and statistics, among the weights.
TRAINED, STATISTICS = (2, 3, 8, 9), (4, 5, 10, 11)


def test_the_loss_is_the_mean_entropy():
    logits = 2 * np.random.default_rng(0).normal(size=(12, 3))
    batch = DomainBatch(None, None, None, tf.constant(logits), None)
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = 0.5 * np.mean([-(p * np.log(p)).sum() for p in proba])
    assert float(TENT().loss(batch, 0.5, [])) == pytest.approx(expected, rel=1e-5)


def test_only_scales_and_shifts_differ_from_adabn():
    domains = toy("moons")
    parameters = QUICK | {"backbone": network()}
    adapted = fit(AdaBN(), domains, **parameters)
    model = fit(TENT(), domains, **parameters)
    for i, (before, after) in enumerate(
        zip(adapted.backbone_.weights, model.backbone_.weights, strict=True)
    ):
        assert np.array_equal(before, after) == (i not in TRAINED), i
    for before, after in zip(adapted.backbone_.head, model.backbone_.head, strict=True):
        np.testing.assert_array_equal(before, after)
    X_target = domains[0][domains[2] < 0]

    def mean_entropy(model):
        proba = model.predict_proba(X_target)
        return -(proba * np.log(proba)).sum(axis=1).mean()

    assert mean_entropy(model) < mean_entropy(adapted)


def test_epochs_on_the_target_are_in_the_history():
    model = fit(TENT(epochs=3), toy("moons"), **QUICK, backbone=network())
    assert model.history_["stage"][-4:] == ["fine_tune"] + ["target"] * 3


def test_a_frozen_layer_is_left_alone():
    domains = toy("moons")
    model = fit(TENT(), domains, **QUICK, backbone=network(), frozen_depth=2)
    start = network().get_weights()
    for i in range(6):
        np.testing.assert_array_equal(model.backbone_.weights[i], start[i])
    assert not np.array_equal(model.backbone_.weights[8], start[8])


def test_off_is_source_only():
    assert_off_is_source_only(TENT(), toy("moons"), backbone=network())


def test_reads_no_target_label_and_changes_no_input():
    assert_reads_no_target_label_and_changes_no_input(
        TENT(), toy("moons"), backbone=network()
    )


def test_recovers_from_moved_columns():
    plain, adapted = mean_accuracies(
        ["source_only", TENT()],
        lambda seed: toy("concept", seed),
        backbone=network(),
        weights=None,
    )
    assert plain < 0.7
    assert adapted > 0.9


@pytest.mark.parametrize("parameters", [{}, {"recipe": "linear_probe"}])
def test_needs_scales_and_shifts(parameters):
    """The table network's layer of batch normalization has none."""
    if parameters:
        parameters = parameters | {"backbone": network()}
    with pytest.raises(ValueError, match=r"TENT\(\).*backbone=.*frozen_depth="):
        fit(TENT(), toy("moons"), **QUICK, **parameters)
