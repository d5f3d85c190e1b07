"""Losses of the adaptation methods against NumPy, row by row, and their gradients."""

import numpy as np
import pytest
import tensorflow as tf
from domain_batches import C, D, N, batch_of, relu_network, softmax
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone

from sktransfer._random import preserve_random_state
from sktransfer.adaptation import (
    CDAN,
    DAN,
    DANN,
    JAN,
    MCC,
    MDD,
    DeepCORAL,
    DeepJDOT,
    DomainBatch,
)
from sktransfer.adaptation.methods import cdan as cdan_module

REVERSING = [DANN(), CDAN(), CDAN(entropy_weighting=False), MDD()]
PLAIN = [DeepCORAL(), DAN(), JAN(), MCC()]


def evaluate(method, batch, strength=1.0, seed=0):
    with preserve_random_state(seed):
        networks = method.build(batch.source_features.shape[1], C, dtype="float64")
    strength = tf.constant(strength, tf.float64)
    return float(scalar_loss(method, batch, strength, networks)), networks


def scalar_loss(method, batch, strength, networks):
    loss = method.loss(batch, strength, networks)
    return loss[0] if method.metrics else loss


def by_loops_kernel(x):
    n = len(x)
    squared = np.array(
        [[((x[i] - x[j]) ** 2).sum() for j in range(n)] for i in range(n)]
    )
    widths = [squared.mean() * factor for factor in (0.125, 0.25, 0.5, 1, 2)]
    return np.mean([np.exp(-squared / width) for width in widths], axis=0)


def by_loops_mmd(kernel):
    total = 0.0
    for i in range(2 * N):
        for j in range(2 * N):
            total += kernel[i, j] * (1 if (i < N) == (j < N) else -1)
    return total / N**2


# ---- the losses


@pytest.mark.parametrize("seed", range(3))
def test_deep_coral(seed):
    batch = batch_of(seed)
    difference = np.cov(batch.source_features.numpy().T) - np.cov(
        batch.target_features.numpy().T
    )
    expected = np.linalg.norm(difference, "fro") ** 2 / (4 * D**2)
    assert evaluate(DeepCORAL(), batch)[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_dan(seed):
    batch = batch_of(seed)
    rows = np.concatenate([batch.source_features, batch.target_features])
    expected = by_loops_mmd(by_loops_kernel(rows))
    assert evaluate(DAN(), batch)[0] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_jan(seed):
    batch = batch_of(seed)
    rows = np.concatenate([batch.source_features, batch.target_features])
    proba = softmax(np.concatenate([batch.source_logits, batch.target_logits]))
    expected = by_loops_mmd(by_loops_kernel(rows) * by_loops_kernel(proba))
    assert evaluate(JAN(), batch)[0] == pytest.approx(expected, rel=1e-8)


def binary_cross_entropy(logits, is_source):
    proba = 1 / (1 + np.exp(-logits[:, 0]))
    return -np.log(proba if is_source else 1 - proba)


@pytest.mark.parametrize("seed", range(3))
def test_dann(seed):
    batch = batch_of(seed)
    loss, (discriminator,) = evaluate(DANN(hidden_units=(7,)), batch, seed=seed)
    losses = [
        *binary_cross_entropy(relu_network(discriminator, batch.source_features), True),
        *binary_cross_entropy(
            relu_network(discriminator, batch.target_features), False
        ),
    ]
    assert loss == pytest.approx(np.mean(losses), rel=1e-10)


@pytest.mark.parametrize("weighted", [True, False])
def test_cdan(weighted):
    batch = batch_of()
    method = CDAN(entropy_weighting=weighted, hidden_units=(7, 4))
    loss, (discriminator,) = evaluate(method, batch)
    halves = []
    for features, logits, is_source in (
        (batch.source_features, batch.source_logits, True),
        (batch.target_features, batch.target_logits, False),
    ):
        proba = softmax(logits.numpy())
        joint = np.stack(
            [np.outer(f, p).ravel() for f, p in zip(features, proba, strict=True)]
        )
        losses = binary_cross_entropy(relu_network(discriminator, joint), is_source)
        weights = 1 + np.exp((proba * np.log(proba)).sum(axis=1))
        halves.append(np.average(losses, weights=weights if weighted else None))
    assert loss == pytest.approx(np.mean(halves), rel=1e-10)


def test_cdan_projects_wide_products(monkeypatch):
    """Random projections keep inner products of the joint vectors, in the mean."""
    rng = np.random.default_rng(0)
    features = tf.constant(rng.normal(size=(6, 40)))
    proba = tf.constant(softmax(rng.normal(size=(6, C))))
    exact = cdan_module._joint_features(features, proba).numpy()
    assert exact.shape == (6, 40 * C)
    monkeypatch.setattr(cdan_module, "_MAX_INPUTS", 100)
    assert cdan_module._joint_features(features, proba).shape == (6, 100)
    monkeypatch.setattr(cdan_module, "_MAX_INPUTS", 119)
    products = []
    for seed in range(300):
        draw = np.random.default_rng(seed)
        monkeypatch.setattr(np.random, "default_rng", lambda _, draw=draw: draw)
        projected = cdan_module._joint_features(features, proba).numpy()
        products.append(projected @ projected.T)
    np.testing.assert_allclose(
        np.mean(products, axis=0), exact @ exact.T, atol=0.1 * (exact**2).sum(1).mean()
    )


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_mcc(temperature):
    batch = batch_of()
    proba = softmax(batch.target_logits.numpy() / temperature)
    weights = 1 + np.exp((proba * np.log(proba)).sum(axis=1))
    weights *= N / weights.sum()
    expected = 0.0
    for j in range(C):
        row = [sum(weights * proba[:, j] * proba[:, k]) for k in range(C)]
        expected += sum(row[k] / sum(row) for k in range(C) if k != j) / C
    loss, _ = evaluate(MCC(temperature=temperature), batch)
    assert loss == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("gamma", [1.0, 4.0])
def test_mdd(gamma):
    batch = batch_of()
    loss, (second,) = evaluate(MDD(gamma=gamma, hidden_units=6), batch)
    source_proba = softmax(relu_network(second, batch.source_features.numpy()))
    target_proba = softmax(relu_network(second, batch.target_features.numpy()))
    agreed = source_proba[np.arange(N), batch.source_logits.numpy().argmax(axis=1)]
    other = target_proba[np.arange(N), batch.target_logits.numpy().argmax(axis=1)]
    expected = -gamma * np.log(agreed).mean() - np.log(1 - other).mean()
    assert loss == pytest.approx(expected, rel=1e-10)


def test_mdd_of_a_probability_of_one():
    batch = batch_of()
    (second,) = MDD().build(D, C, dtype="float64")
    second.layers[-1].bias.assign([1e3, 0, 0])
    first = tf.one_hot(tf.zeros(N, tf.int32), C, dtype=tf.float64)
    sure = DomainBatch(*list(vars(batch).values())[:2], first, first, batch.source_y)
    assert np.isfinite(MDD().loss(sure, tf.constant(1.0, tf.float64), [second]))


def test_deep_jdot():
    pytest.importorskip("ot")
    batch = batch_of()
    alpha, beta = 0.3, 0.7
    log_proba = np.log(softmax(batch.target_logits.numpy()))
    source, target = batch.source_features.numpy(), batch.target_features.numpy()
    cost = np.array(
        [
            [
                alpha * ((source[i] - target[j]) ** 2).mean()
                - beta * log_proba[j, batch.source_y[i]]
                for j in range(N)
            ]
            for i in range(N)
        ]
    )
    # Between as many rows of equal weight a best plan is an assignment.
    expected = cost[linear_sum_assignment(cost)].sum() / N
    loss, _ = evaluate(DeepJDOT(alpha=alpha, beta=beta), batch)
    assert loss == pytest.approx(expected, rel=1e-8)


# ---- strength and gradients


def gradients(method, batch, strength, networks):
    inputs = [batch.source_features, batch.target_features]
    inputs += [batch.source_logits, batch.target_logits]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = scalar_loss(method, batch, tf.constant(strength, tf.float64), networks)
    zero = tf.UnconnectedGradients.ZERO
    weights = [w.value for network in networks for w in network.trainable_variables]
    return tape.gradient(loss, [*inputs, *weights], unconnected_gradients=zero)


@pytest.mark.parametrize("method", [*PLAIN, *REVERSING], ids=str)
def test_without_strength_nothing_reaches_the_network(method):
    batch = batch_of()
    networks = method.build(D, C, dtype="float64")
    computed = gradients(method, batch, 0.0, networks)
    assert all(not np.any(gradient) for gradient in computed[:4])
    assert all(np.any(gradient) for gradient in computed[4:])


@pytest.mark.parametrize("method", PLAIN, ids=str)
def test_strength_is_a_factor(method):
    batch = batch_of()
    assert evaluate(method, batch, 3.0)[0] == pytest.approx(
        3 * evaluate(method, batch)[0]
    )


@pytest.mark.parametrize("method", PLAIN, ids=str)
def test_a_step_down_the_gradient_lowers_the_loss(method):
    batch = batch_of()
    computed = gradients(method, batch, 1.0, [])
    values = [*list(vars(batch).values())[:4]]
    moved = [v - 1e-3 * g for v, g in zip(values, computed, strict=True)]
    assert any(np.any(g) for g in computed)
    after = DomainBatch(*moved, batch.source_y)
    assert evaluate(method, after)[0] < evaluate(method, batch)[0]


@pytest.mark.parametrize("method", REVERSING, ids=str)
def test_the_gradient_of_the_features_is_reversed(method):
    """Features step up the loss that the method's own network steps down."""
    batch = batch_of()
    networks = method.build(D, C, dtype="float64")
    computed = gradients(method, batch, 1.0, networks)
    values = [*list(vars(batch).values())[:4]]
    moved = [v - 1e-3 * g for v, g in zip(values, computed[:4], strict=True)]
    one = tf.constant(1.0, tf.float64)
    before = float(scalar_loss(method, batch, one, networks))
    after = DomainBatch(*moved, batch.source_y)
    assert float(scalar_loss(method, after, one, networks)) > before
    weights = [w for network in networks for w in network.trainable_variables]
    for weight, gradient in zip(weights, computed[4:], strict=True):
        weight.assign_sub(1e-3 * gradient)
    assert float(scalar_loss(method, batch, one, networks)) < before
    # No gradient passes through predictions.
    assert all(not np.any(gradient) for gradient in computed[2:4])


def test_schedules():
    assert MCC().schedule(0.0) == 1
    for method in (DAN, JAN, DeepCORAL, MDD):
        assert float(method.schedule(0.2)) == pytest.approx(np.tanh(1.0))
    assert float(DANN.schedule(0.0)) == 0
    assert float(CDAN.schedule(0.5)) == pytest.approx(2 / (1 + np.exp(-5)) - 1)
    assert float(MDD.schedule(1.0)) == pytest.approx(1, abs=1e-4)


def test_equal_domains_cost_nothing():
    batch = batch_of()
    same = DomainBatch(
        batch.source_features,
        batch.source_features,
        batch.source_logits,
        batch.source_logits,
        batch.source_y,
    )
    for method in (DeepCORAL(), DAN(), JAN()):
        assert evaluate(method, same)[0] == pytest.approx(0, abs=1e-12)


def test_samples_that_are_all_equal():
    ones = tf.ones((N, D), tf.float64)
    logits = tf.zeros((N, C), tf.float64)
    batch = DomainBatch(ones, ones, logits, logits, tf.zeros(N, tf.int32))
    for method in [*PLAIN, *REVERSING]:
        networks = method.build(D, C, dtype="float64")
        assert np.isfinite(
            scalar_loss(method, batch, tf.constant(1.0, tf.float64), networks)
        )
        computed = gradients(method, batch, 1.0, networks)
        assert all(np.isfinite(gradient).all() for gradient in computed)


# ---- as parameters of an estimator


@pytest.mark.parametrize("method", [*PLAIN, *REVERSING, DeepJDOT()], ids=str)
def test_methods_are_plain_parameters(method):
    before = method.trade_off
    copy = clone(method).set_params(trade_off=before / 2)
    assert copy.trade_off == before / 2
    assert method.trade_off == before
    assert vars(method) == method.get_params()
