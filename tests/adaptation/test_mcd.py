"""MCD: its phases against NumPy, what each of them trains, and moons turned."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from domain_batches import C, D, N, batch_of, relu_network, softmax
from domain_methods import (
    QUICK,
    assert_off_is_source_only,
    assert_reads_no_target_label_and_changes_no_input,
    fit,
    mean_accuracies,
    toy,
)

from sktransfer.adaptation import MCD
from sktransfer.datasets import load_shifted_digits


class OnePhase(MCD):
    """One of the steps alone."""

    def __init__(self, trade_off=1.0, *, n_feature_steps=4, class_balance=0.1, phase=0):
        super().__init__(
            trade_off, n_feature_steps=n_feature_steps, class_balance=class_balance
        )
        self.phase = phase

    def phases(self):
        return [super().phases()[self.phase]]


class AsInThePaper(OnePhase):
    """Without the cross-entropy of the source."""

    def phases(self):
        return [replace(phase, cross_entropy=False) for phase in super().phases()]


@pytest.mark.parametrize("seed", range(3))
def test_phases_against_numpy(seed):
    batch = batch_of(seed)
    networks = MCD().build(D, C, dtype="float64")
    other = softmax(relu_network(networks[0], batch.target_features.numpy()))
    first = softmax(batch.target_logits.numpy())
    discrepancy = np.mean(
        [abs(first[i, c] - other[i, c]) for i in range(N) for c in range(C)]
    )
    on_source = softmax(relu_network(networks[0], batch.source_features.numpy()))
    second = -np.mean([np.log(on_source[i, batch.source_y[i]]) for i in range(N)])
    balance = -np.mean(
        [np.log(p[:, c].sum() / N + 1e-6) for p in (first, other) for c in range(C)]
    )
    classes = second + 0.3 * 0.7 * 2 * balance
    strength = tf.constant(0.7, tf.float64)
    found = [
        float(phase.loss(batch, strength, networks))
        for phase in MCD(n_feature_steps=2, class_balance=0.3).phases()
    ]
    expected = [classes, classes - 0.7 * discrepancy, *2 * [0.7 * discrepancy]]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_phases_name_what_they_train():
    phases = MCD().phases()
    assert [p.trains for p in phases] == ["all", "heads", *4 * ["features"]]
    assert all(phase.cross_entropy for phase in phases)


@pytest.mark.parametrize("phase", [1, 2])
def test_a_phase_trains_what_it_names(phase):
    domains = toy("moons", n_samples=60)
    backbone = fit("source_only", domains, **QUICK).backbone_
    parameters = QUICK | {"backbone": backbone, "head": "keep", "recipe": "full"}
    model = fit(OnePhase(phase=phase), domains, **parameters)
    features, head = (
        all(map(np.array_equal, getattr(backbone, name), getattr(after, name)))
        for after in [model.backbone_]
        for name in ("weights", "head")
    )
    assert (features, head) == ((True, False) if phase == 1 else (False, True))


def test_without_strength_the_discrepancy_changes_nothing():
    batch, networks = batch_of(), MCD().build(D, C, dtype="float64")
    inputs = [batch.target_features, batch.target_logits]
    for strength, changes in ((0.0, False), (1.0, True)):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = MCD().loss(batch, tf.constant(strength, tf.float64), networks)
        assert all(np.any(g) == changes for g in tape.gradient(loss, inputs))


def test_off_is_source_only():
    domains = toy("moons", n_samples=60)
    assert_off_is_source_only(MCD(), domains)


def test_moons_turned():
    plain, adapted = mean_accuracies(
        ["source_only", MCD()],
        lambda seed: toy("moons", seed, n_samples=400, noise=0.0),
        epochs=60,
        batch_size=16,
        learning_rate=0.03,
    )
    assert plain < 0.7
    assert adapted > 0.9


@pytest.mark.filterwarnings("ignore:Adapting by MCD")
def test_balance_keeps_the_classes_of_a_far_target():
    """Without it all thickened digits end in a few classes."""
    domains = load_shifted_digits("thickened", random_state=0)
    X, _, sample_domain = domains
    counts = []
    for class_balance in (0.0, 0.1):
        model = fit(
            MCD(class_balance=class_balance), domains, epochs=10, random_state=0
        )
        counts.append(len(np.unique(model.predict(X[sample_domain < 0]))))
    assert counts[0] < 10
    assert counts[1] == 10


def test_features_are_held_to_the_source():
    """Steps of the features alone, as they are and without it."""
    domains = toy("moons", n_samples=60)
    backbone = fit("source_only", domains, **QUICK).backbone_
    parameters = QUICK | {"backbone": backbone, "head": "keep", "recipe": "full"}
    paper, held = (
        fit(method, domains, **parameters | {"epochs": 20}).history_["loss"]
        for method in (AsInThePaper(phase=2), OnePhase(phase=2))
    )
    assert held[-1] < held[0]
    assert paper[-1] > paper[0]
    assert paper[-1] > 2 * held[-1]


def test_reads_no_target_label_and_changes_no_input():
    assert_reads_no_target_label_and_changes_no_input(MCD(), toy("moons", n_samples=60))
