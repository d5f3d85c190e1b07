"""The head alone, solved on frozen features."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from sktransfer._caches import clear_caches
from sktransfer.training.step.probe import new_head, solve_head

PROBE_C = 0.1


def data(n, d, n_classes, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    centers = rng.normal(size=(n_classes, d))
    scales = np.exp(rng.normal(size=d))
    X = (centers[y] + rng.normal(size=(n, d))) * scales + 5 * rng.normal(size=d)
    return X, y, np.exp(rng.normal(size=n))


def scaled(X, weight):
    """Features with weighted mean 0 and mean variance 1."""
    mean = np.average(X, axis=0, weights=weight)
    variance = np.average((X - mean) ** 2, axis=0, weights=weight)
    return (X - mean) / np.sqrt(variance.mean())


CASES = [
    pytest.param(60, 5, 2, id="binary"),
    pytest.param(60, 5, 4, id="multiclass"),
    pytest.param(12, 40, 2, id="binary, few rows"),
    pytest.param(12, 40, 3, id="multiclass, few rows"),
    pytest.param(300, 120, 5, id="many features"),
]


@pytest.mark.parametrize(("n", "d", "n_classes"), CASES)
def test_it_is_logistic_regression_on_scaled_features(n, d, n_classes):
    X, y, weight = data(n, d, n_classes)
    kernel, bias = solve_head(X, y, weight, n_classes, PROBE_C)
    assert (kernel.shape, bias.shape) == ((d, n_classes), (n_classes,))
    oracle = LogisticRegression(C=PROBE_C, tol=1e-10, max_iter=20_000)
    oracle.fit(scaled(X, weight), y, sample_weight=weight)
    np.testing.assert_allclose(
        softmax(X @ kernel + bias, axis=1),
        oracle.predict_proba(scaled(X, weight)),
        atol=2e-4,
    )


@pytest.mark.parametrize("classes", [[0, 2, 3], [1, 3], [2]])
def test_classes_without_samples(classes):
    X, codes, weight = data(60, 5, len(classes))
    kernel, bias = solve_head(X, np.take(classes, codes), weight, 5, PROBE_C)
    proba = softmax(X @ kernel + bias, axis=1)
    absent = np.setdiff1d(range(5), classes)
    assert proba[:, absent].min() > 0
    assert proba[:, absent].max() < 0.02
    present = proba[:, classes] / proba[:, classes].sum(axis=1, keepdims=True)
    expected = np.ones((60, 1))
    if len(classes) > 1:
        expected = solve_head(X, codes, weight, len(classes), PROBE_C)
        expected = softmax(X @ expected[0] + expected[1], axis=1)
    np.testing.assert_allclose(present, expected, atol=1e-8)


@pytest.mark.parametrize(
    ("n", "d", "n_classes"), [(20_000, 60, 2), (150, 600, 3), (3000, 300, 3)]
)
def test_the_number_of_threads_changes_nothing(n, d, n_classes):
    X, y, weight = data(n, d, n_classes)
    before = X.copy()
    results = []
    for threads in (1, 2):
        clear_caches()
        with threadpool_limits(threads, user_api="blas"):
            results.append(solve_head(X, y, weight, n_classes, PROBE_C))
    assert all(map(np.array_equal, *results))
    assert np.array_equal(X, before)


@pytest.mark.parametrize(("n", "d", "n_classes"), CASES)
def test_nothing_near_it_is_better(n, d, n_classes):
    X, y, weight = data(n, d, n_classes)
    Z = scaled(X, weight)
    mean = np.average(X, axis=0, weights=weight)
    kernel, bias = solve_head(X, y, weight, n_classes, PROBE_C)
    # In terms of the scaled features, where the penalty is.
    size = (X - mean)[0, 0] / Z[0, 0]
    kernel, bias = kernel * size, bias + mean @ kernel

    def objective(kernel, bias):
        loss = -log_softmax(Z @ kernel + bias, axis=1)[np.arange(n), y]
        penalty = (kernel**2).sum() / 2
        # scikit-learn penalizes one column, the difference of these two.
        return PROBE_C * (weight * loss).sum() + penalty * (2 if n_classes == 2 else 1)

    best = objective(kernel, bias)
    rng = np.random.default_rng(1)
    for _ in range(20):
        step = 1e-3 * rng.normal(size=kernel.shape), 1e-3 * rng.normal(size=n_classes)
        if n_classes == 2:
            step = tuple(s - s.mean(axis=-1, keepdims=True) for s in step)
        assert objective(kernel + step[0], bias + step[1]) > best - 1e-7


def test_weights_are_repeats():
    X, y, _ = data(40, 6, 3)
    times = 1 + np.arange(40) % 3
    weighted = solve_head(X, y, times.astype(float), 3, PROBE_C)
    repeated = solve_head(
        X.repeat(times, axis=0), y.repeat(times), np.ones(times.sum()), 3, PROBE_C
    )
    for a, b in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


def test_order_of_rows_does_not_matter():
    X, y, weight = data(40, 6, 3)
    order = np.random.default_rng(0).permutation(40)
    for a, b in zip(
        solve_head(X, y, weight, 3, PROBE_C),
        solve_head(X[order], y[order], weight[order], 3, PROBE_C),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=1e-7)


def test_scale_and_shift_of_all_features_do_not_matter():
    X, y, weight = data(40, 6, 3)
    kernel, bias = solve_head(X, y, weight, 3, PROBE_C)
    other, shifted = solve_head(1000 * X + 7, y, weight, 3, PROBE_C)
    np.testing.assert_allclose(
        (1000 * X + 7) @ other + shifted, X @ kernel + bias, atol=1e-5
    )


def test_features_that_say_nothing():
    y = np.arange(9) % 3
    weight = np.where(y == 0, 2.0, 1.0)
    kernel, bias = solve_head(np.full((9, 4), 2.5), y, weight, 3, PROBE_C)
    np.testing.assert_array_equal(kernel, 0)
    np.testing.assert_allclose(softmax(bias), [0.5, 0.25, 0.25], atol=1e-4)


def test_float32_features_are_solved_in_float64():
    X, y, weight = data(60, 5, 3)
    kernel, _ = solve_head(X.astype("float32"), y, weight, 3, PROBE_C)
    exact, _ = solve_head(X, y, weight, 3, PROBE_C)
    assert kernel.dtype == np.float64
    np.testing.assert_allclose(kernel, exact, atol=1e-4)


def test_a_fresh_head_on_features_that_were_not_learned_is_random():
    def make(seed):
        rng = np.random.default_rng(seed)
        return new_head(30, 6, pretrained=False, rng=rng)

    kernel, bias = make(0)
    assert kernel.shape == (30, 6)
    assert 0.8 < np.abs(kernel).max() / np.sqrt(6 / 36) <= 1
    np.testing.assert_array_equal(bias, np.zeros(6))
    np.testing.assert_array_equal(kernel, make(0)[0])
    assert not np.array_equal(kernel, make(1)[0])


def test_a_fresh_head_on_learned_features_is_zero():
    kernel, bias = new_head(30, 6, pretrained=True, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(kernel, np.zeros((30, 6)))
    np.testing.assert_array_equal(bias, np.zeros(6))
