"""MixUp, against its definition."""

import keras
import numpy as np
from steps import N_CLASSES, RATE, assert_close, body, by_hand, train

from sktransfer import Backbone
from sktransfer.heads import ClassHead
from sktransfer.training.step.mixup import MixUp
from sktransfer.training.step.program_cache import get_program

ALPHA = 0.5


def test_rows_labels_and_weights():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(8, 3, 2)), np.array([0, 1, 2, 1, 0, 0, 2, 2])
    # Two batches; the second one has a row that only fills it.
    weight = np.array([1.0, 2, 3, 4, 5, 6, 7, 0])
    mixing = MixUp(ALPHA, ClassHead(np.arange(3)), np.random.default_rng(0))
    (mixed,), labels, weights = mixing([X], y, weight, np.array([4, 3]))

    rng = np.random.default_rng(0)
    partner, share = np.arange(8), np.ones(8)
    for begin, count in ((0, 4), (4, 3)):
        partner[begin : begin + count] = begin + rng.permutation(count)
        share[begin : begin + count] = rng.beta(ALPHA, ALPHA, count)
    for i, (j, lam) in enumerate(zip(partner, share, strict=True)):
        np.testing.assert_allclose(mixed[i], lam * X[i] + (1 - lam) * X[j])
        target = lam * weight[i] * np.eye(3)[y[i]]
        target += (1 - lam) * weight[j] * np.eye(3)[y[j]]
        np.testing.assert_allclose(weights[i] * labels[i], target, atol=1e-12)
    np.testing.assert_allclose(labels.sum(axis=1), 1)
    assert weights[7] == 0
    assert mixed.dtype == X.dtype


def by_formula(**options):
    rng = np.random.default_rng(7)

    def mix(X, y, weight):
        partner = rng.permutation(len(X))
        share = rng.beta(ALPHA, ALPHA, len(X))
        targets = weight[:, None] * y
        targets = share[:, None] * targets + (1 - share[:, None]) * targets[partner]
        X = share[:, None] * X + (1 - share[:, None]) * X[partner]
        totals = targets.sum(axis=1)
        return X, targets / totals[:, None], totals

    return by_hand([RATE] * 6, mix=mix, **options)


def test_gradient_descent_on_mixed_rows():
    # The last of three batches is filled.
    assert_close(train(mixup_alpha=ALPHA), by_formula())


def test_off_is_as_without():
    fitted = train(mixup_alpha=0.0)
    assert_close(fitted, by_hand([RATE] * 6))


def test_alpha_traces_nothing_again():

    backbone = Backbone.from_model(keras.Sequential(body()), feature_layer="output")
    program = get_program(backbone, 0, N_CLASSES, "float64")
    first = train(mixup_alpha=0.2)
    traces = program.n_traces
    second = train(mixup_alpha=0.4)
    again = train(mixup_alpha=0.2)
    assert program.n_traces == traces
    assert all(map(np.array_equal, first.weights, again.weights))
    assert not np.array_equal(first.weights[0], second.weights[0])
