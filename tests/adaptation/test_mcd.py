"""MCD: its phases against NumPy, what each of them trains, and moons turned."""

import numpy as np
import pytest
import tensorflow as tf
from domain_batches import C, D, N, batch_of, relu_network, softmax
from domain_fits import are_same, fit, fit_read_only, moons, with_garbage

from sktransfer.adaptation import MCD


class OnePhase(MCD):
    """One of the steps alone."""

    def __init__(self, trade_off=1.0, *, n_feature_steps=4, phase=0):
        super().__init__(trade_off, n_feature_steps=n_feature_steps)
        self.phase = phase

    def phases(self):
        return [super().phases()[self.phase]]


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
    strength = tf.constant(0.7, tf.float64)
    found = [
        float(phase.loss(batch, strength, networks))
        for phase in MCD(n_feature_steps=2).phases()
    ]
    expected = [second, second - 0.7 * discrepancy, *2 * [0.7 * discrepancy]]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_phases_name_what_they_train():
    phases = MCD().phases()
    assert [p.trains for p in phases] == ["all", "heads", *4 * ["features"]]
    assert all(p.cross_entropy for p in phases)


@pytest.mark.parametrize("phase", [1, 2])
def test_a_phase_trains_what_it_names(phase):
    source = fit("source_only", *moons())
    backbone = source.backbone_
    method = OnePhase(phase=phase)
    model = fit(method, *moons(), backbone=backbone, head="keep", recipe="full")
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


def test_no_trade_off_is_source_only():
    assert are_same(fit(MCD(0.0), *moons()), fit("source_only", *moons()))
    assert not are_same(fit(MCD(), *moons()), fit("source_only", *moons()))


def test_moons_turned():
    scores = {}
    for method in ("source_only", "mcd"):
        for seed in range(5):
            X, y, sample_domain = moons(seed, 400, noise=0.0)
            target = sample_domain < 0
            model = fit(
                method,
                X,
                y,
                sample_domain,
                epochs=60,
                batch_size=16,
                learning_rate=0.01,
                random_state=seed,
            )
            scores.setdefault(method, []).append(model.score(X[target], y[target]))
    assert np.mean(scores["source_only"]) < 0.7
    assert np.mean(scores["mcd"]) > 0.9


def test_input_is_left_and_target_labels_are_not_read():
    X, y, sample_domain = moons()
    model = fit_read_only("mcd", X, y, sample_domain)
    other = fit_read_only("mcd", X, with_garbage(y, sample_domain), sample_domain)
    assert are_same(model, other)
