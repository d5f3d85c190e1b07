"""AdaBN: statistics of the target, against NumPy."""

import numpy as np
import pytest
from domain_methods import (
    QUICK,
    assert_off_is_source_only,
    assert_reads_no_target_label_and_changes_no_input,
    fit,
    mean_accuracies,
    toy,
)
from networks import two_layers, with_batch_normalization

from sktransfer.adaptation import AdaBN


def wide(seed=0, n=120):
    """Rows of 64 columns, those of the target stretched and moved, column by column."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(2 * n, 64)), rng.permutation(np.arange(2 * n) % 2)
    X[:, :8] += np.where(y == 1, 0.8, -0.8)[:, None]
    X[n:] = X[n:] * rng.uniform(0.5, 3, 64) + rng.normal(scale=2, size=64)
    return X, y, np.repeat([0, -1], n)


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("trade_off", [1.0, 0.3])
def test_each_layer_gets_what_goes_into_it(trade_off):
    """Two layers of batch normalization, each after those before it on the target."""
    domains = wide()
    parameters = QUICK | {"backbone": with_batch_normalization(), "dtype": "float64"}
    plain = fit("source_only", domains, **parameters)
    adapted = fit(AdaBN(trade_off), domains, **parameters)

    weights = [list(w) for w in np.array_split(range(14), [2, 6, 8, 12])]
    (k1, b1), bn1, (k2, b2), bn2, (k3, b3) = (
        [plain.backbone_.weights[i] for i in part] for part in weights
    )
    x = X_target = domains[0][domains[2] < 0]
    expected = []
    for kernel, bias, (gamma, beta, mean, variance) in ((k1, b1, bn1), (k2, b2, bn2)):
        x = np.maximum(x @ kernel + bias, 0)
        moments = x.mean(axis=0), x.var(axis=0)
        # A unit that is off for the whole target has no variance there.
        moments = moments[0], np.where(moments[1] > 0, moments[1], variance)
        expected += [
            trade_off * new + (1 - trade_off) * old
            for new, old in zip(moments, (mean, variance), strict=True)
        ]
        x = gamma * (x - moments[0]) / np.sqrt(moments[1] + 1e-3) + beta
    statistics = [adapted.backbone_.weights[i] for i in (4, 5, 10, 11)]
    for array, value in zip(statistics, expected, strict=True):
        np.testing.assert_allclose(array, value, atol=1e-5)
    for i in {*range(14)} - {4, 5, 10, 11}:
        np.testing.assert_array_equal(
            adapted.backbone_.weights[i], plain.backbone_.weights[i]
        )
    if trade_off == 1:
        kernel, bias = plain.backbone_.head
        proba = softmax(np.maximum(x @ k3 + b3, 0) @ kernel + bias)
        np.testing.assert_allclose(adapted.predict_proba(X_target), proba, atol=1e-5)


def test_of_the_table_network():
    """The first layer has those of the target's columns, standardized by the source."""
    domains = toy("moons")
    adapted = fit(AdaBN(), domains, **QUICK)
    X, _, sample_domain = domains
    X_source, X_target = X[sample_domain >= 0], X[sample_domain < 0]
    X_target = (X_target - X_source.mean(axis=0)) / X_source.std(axis=0)
    mean, variance = (a[:2] for a in adapted.backbone_.weights[:2])
    np.testing.assert_allclose(mean, X_target.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(variance, X_target.var(axis=0), rtol=1e-5)


def test_a_column_that_does_not_vary_in_the_target():
    X, y, sample_domain = toy("moons")
    X[sample_domain < 0, 1] = 1000.3
    adapted = fit(AdaBN(), (X, y, sample_domain), **QUICK)
    plain = fit("source_only", (X, y, sample_domain), **QUICK)
    variance = plain.backbone_.weights[1][1]
    assert adapted.backbone_.weights[1][1] == pytest.approx(variance, rel=1e-5)
    near = X[sample_domain < 0] + [0, 1e-3]
    np.testing.assert_allclose(
        adapted.predict_proba(near),
        adapted.predict_proba(X[sample_domain < 0]),
        atol=0.01,
    )


def test_frozen_layers_keep_their_statistics():
    """Frozen up to the second Dense layer: the first normalization is within."""
    domains = wide()
    parameters = QUICK | {"backbone": with_batch_normalization(), "frozen_depth": 3}
    plain = fit("source_only", domains, **parameters)
    adapted = fit(AdaBN(), domains, **parameters)
    for i in (4, 5):
        np.testing.assert_array_equal(
            adapted.backbone_.weights[i], plain.backbone_.weights[i]
        )
    assert not np.array_equal(
        adapted.backbone_.weights[10], plain.backbone_.weights[10]
    )


def test_off_is_source_only():
    assert_off_is_source_only(AdaBN(), toy("moons"))


def test_reads_no_target_label_and_changes_no_input():
    assert_reads_no_target_label_and_changes_no_input(AdaBN(), toy("moons"))


def test_recovers_from_moved_columns():
    def draw(seed):
        return toy("concept", seed)

    plain, adapted = mean_accuracies(["source_only", AdaBN()], draw)
    assert plain < 0.7
    assert adapted > 0.9


@pytest.mark.parametrize(
    "parameters",
    [
        {"backbone": lambda: two_layers((2,))},
        {"recipe": "linear_probe"},
        {"frozen_depth": 1},
    ],
)
def test_needs_batch_normalization(parameters):
    if "backbone" in parameters:
        parameters = {"backbone": parameters["backbone"]()}
    with pytest.raises(ValueError, match=r"AdaBN\(\).*backbone=.*frozen_depth="):
        fit(AdaBN(), toy("moons"), **QUICK, **parameters)
