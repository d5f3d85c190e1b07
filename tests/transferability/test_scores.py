"""What holds for every score."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sktransfer.transferability import (
    gbc,
    h_score,
    knn_score,
    leep,
    logme,
    nce,
    nleep,
    transrate,
)


def plain_h_score(features, y):
    return h_score(features, y, shrinkage=None)


OF_FEATURES = [gbc, h_score, plain_h_score, knn_score, logme, nleep, transrate]
of_features = pytest.mark.parametrize("score", OF_FEATURES)
# The first parts of a mixture depend on the order of the rows.
in_any_order = pytest.mark.parametrize("score", [s for s in OF_FEATURES if s != nleep])


def blobs(n=120, d=6, n_classes=3, apart=1.0, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    centers = apart * rng.normal(size=(n_classes, d))
    return centers[y] + rng.normal(size=(n, d)), y


@of_features
def test_a_float_and_the_same_each_time(score):
    X, y = blobs()
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    value = score(X, y)
    assert type(value) is float
    assert score(X, y) == value
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


@of_features
def test_input_is_not_changed(score):
    X, y = blobs()
    kept_X, kept_y = X.copy(), y.copy()
    X.flags.writeable = y.flags.writeable = False
    score(X, y)
    np.testing.assert_array_equal(X, kept_X)
    np.testing.assert_array_equal(y, kept_y)


@in_any_order
@pytest.mark.parametrize("shape", [(120, 6), (30, 80)])
def test_rows_and_columns_in_any_order(score, shape):
    X, y = blobs(*shape)
    rng = np.random.default_rng(1)
    rows, columns = rng.permutation(shape[0]), rng.permutation(shape[1])
    value = score(X, y)
    assert score(X[rows], y[rows]) == pytest.approx(value, rel=1e-9)
    assert score(X[:, columns], y) == pytest.approx(value, rel=1e-9)


@of_features
@pytest.mark.parametrize(
    "names",
    [np.array(["b", "c", "a"]), np.array([7, -1, 0]), np.array(["b", "c", "a"], "O")],
)
def test_names_of_the_classes_do_not_count(score, names):
    X, y = blobs()
    value = score(X, y)
    assert score(X, names[y]) == pytest.approx(value, rel=1e-9)
    assert score(X, pd.Series(names[y], index=y)) == pytest.approx(value, rel=1e-9)


def test_two_classes_of_bools():
    X, y = blobs(n_classes=2)
    for score in OF_FEATURES:
        assert score(X, y == 1) == pytest.approx(score(X, y))


@of_features
@pytest.mark.parametrize("factor", [1e-30, 1e-3, 1e30, 1e150])
def test_scale_of_all_features(score, factor):
    X, y = blobs()
    if score is transrate:
        if factor == 1e-3:
            assert score(factor * X, y) < score(X, y)
        return
    assert score(factor * X, y) == pytest.approx(score(X, y), rel=1e-6)


@pytest.mark.parametrize("score", [plain_h_score])
def test_scale_of_each_column(score):
    X, y = blobs()
    assert score(X * np.logspace(-20, 20, 6), y) == pytest.approx(score(X, y))


@pytest.mark.parametrize("score", [gbc, h_score, knn_score, logme, transrate])
@pytest.mark.parametrize("shape", [(120, 6), (30, 80)])
def test_rotation(score, shape):
    X, y = blobs(*shape)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(shape[1],) * 2)).Q
    assert score(X @ rotation, y) == pytest.approx(score(X, y), rel=1e-8)


@pytest.mark.parametrize("score", [s for s in OF_FEATURES if s != logme])
def test_shift(score):
    X, y = blobs()
    assert score(X + 100, y) == pytest.approx(score(X, y), rel=1e-6)


@of_features
def test_classes_further_apart_score_higher(score):
    values = [score(*blobs(apart=apart)) for apart in (0, 0.5, 1, 2)]
    assert values == sorted(values)
    assert values[0] < values[1] < values[2]


@of_features
def test_shuffled_labels_score_lower(score):
    X, y = blobs()
    assert score(X, np.random.default_rng(0).permutation(y)) < score(X, y)


@of_features
def test_float32_and_integers(score):
    X, y = blobs()
    assert score(X.astype(np.float32), y) == pytest.approx(score(X, y), rel=1e-4)
    whole = np.round(10 * X)
    value = score(whole, y)
    assert score(whole.astype(np.int8), y) == value
    assert score(whole.tolist(), y.tolist()) == value
    assert score(pd.DataFrame(whole), y) == pytest.approx(value)


@of_features
def test_near_singular_features(score):
    X, y = blobs(n=200)
    rng = np.random.default_rng(0)
    wide = np.hstack([X, X, X + 1e-10 * rng.normal(size=X.shape), X @ X[:6] / 10])
    assert np.isfinite(score(wide, y))
    assert np.isfinite(score(wide.astype(np.float32), y))


def test_repeated_columns_add_nothing():
    X, y = blobs()
    assert plain_h_score(np.hstack([X, X]), y) == pytest.approx(plain_h_score(X, y))
    assert logme(np.hstack([X, X]), y) == pytest.approx(logme(X, y))
    assert knn_score(np.hstack([X, X]), y) == knn_score(X, y)


@of_features
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_constant_columns(score, constant):
    X, y = blobs()
    wide = np.hstack([X[:, :3], np.full((len(X), 2), constant), X[:, 3:]])
    value = score(wide, y)
    assert np.isfinite(value)
    if score not in (h_score, logme):
        assert value == pytest.approx(score(X, y), rel=1e-6)


@of_features
@pytest.mark.parametrize("constant", [0.0, 0.1])
def test_all_features_constant(score, constant):
    X, y = blobs()
    value = score(np.full_like(X, constant), y)
    assert np.isfinite(value)
    assert value <= score(X, y)


@of_features
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_more_columns_than_rows(score, dtype):
    X, y = blobs(n=24, d=200)
    assert np.isfinite(score(X.astype(dtype), y))


@of_features
def test_features_that_are_the_labels(score):
    _, y = blobs()
    perfect = np.eye(3)[y]
    assert np.isfinite(score(perfect, y))
    assert score(perfect, y) > score(blobs(apart=0)[0], y)


@of_features
def test_a_class_of_one_row(score):
    X, y = blobs()
    y[y == 2] = 1
    y[5] = 2
    assert np.isfinite(score(X, y))


@of_features
def test_few_blocks_or_many(score, monkeypatch):
    for shape in [(120, 6), (30, 80)]:
        X, y = blobs(*shape)
        value = score(X, y)
        with monkeypatch.context() as patch:
            patch.setattr("sktransfer.transferability._moments._BLOCK_BYTES", 700)
            patch.setattr("sktransfer._large_arrays._BLOCK_BYTES", 700)
            assert score(X, y) == pytest.approx(value, rel=1e-9)


@of_features
def test_many_rows_of_float32(score, tmp_path):
    rng = np.random.default_rng(0)
    X = np.lib.format.open_memmap(
        tmp_path / "features.npy", mode="w+", dtype=np.float32, shape=(20_000, 256)
    )
    X[:] = rng.standard_normal(X.shape, dtype=np.float32)
    y = np.arange(len(X)) % 5
    X /= np.arange(1, 257)
    X[:, 0] += 3 * y
    assert np.isfinite(score(X, y))


@pytest.mark.parametrize("score", [gbc, h_score, plain_h_score, logme, transrate])
def test_memory_is_bounded(score, monkeypatch):
    import tracemalloc

    monkeypatch.setattr("sktransfer.transferability._moments._BLOCK_BYTES", 1 << 20)
    X, y = np.ones((50_000, 64), dtype=np.float32), np.arange(50_000) % 2
    X[:, :32] += np.random.default_rng(0).normal(size=(50_000, 32))
    tracemalloc.start()
    try:
        score(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # In float64 the table alone is 25.6 MB; components of GBC are half of it.
    assert peak < (45e6 if score is gbc else 20e6)


BAD_FEATURES = [
    (np.zeros(6), r"features has shape \(6,\); expected \(n_samples, n_features\)"),
    (np.zeros((6, 2, 2)), r"features has shape \(6, 2, 2\)"),
    (np.zeros((0, 2)), r"features has shape \(0, 2\).*at least one sample"),
    (np.zeros((6, 0)), r"features has shape \(6, 0\).*one feature"),
    (np.full((6, 2), np.nan), "features has NaN or infinite values"),
    (np.array([[1, 2]] * 5 + [[1, np.inf]]), "features has NaN or infinite values"),
    (np.full((6, 2), "a"), "features is of dtype .*expected real numbers"),
    (np.full((6, 2), "a", "O"), "features has a value that is not a number"),
    (np.full((6, 2), 1j), "features is of dtype complex128; expected real numbers"),
]
BAD_LABELS = [
    ([0, 0, 1, 1, 2], "y has 5 labels for 6 samples"),
    ([[0, 1]] * 6, r"y has shape \(6, 2\)"),
    ([1] * 6, "y has one class, 1; expected at least two"),
    (["a"] * 6, "y has one class, 'a'"),
    (range(6), "y has 6 classes in 6 samples; expected more samples than classes"),
    ([0, 0, 1, 1, 2, np.nan], "y has missing labels"),
    ([0, 0, 1, 1, 2, None], "y has missing labels"),
    ([0, 0, 1, 1, 2, "a", None][1:], "y has missing labels"),
    ([0, 0, 1, 1, 2, 0.5], "y has fractions, such as 0.5"),
    (
        np.array([0, 0, 1, 1, "a", "b"], dtype=object),
        "y mixes labels of the types int, st",
    ),
]


@of_features
@pytest.mark.parametrize(("features", "message"), BAD_FEATURES)
def test_bad_features(score, features, message):
    with pytest.raises(ValueError, match=message):
        score(features, [0, 0, 1, 1, 2, 2][: len(features)])


@of_features
@pytest.mark.parametrize(("y", "message"), BAD_LABELS)
def test_bad_labels(score, y, message):
    with pytest.raises(ValueError, match=message):
        score(blobs(n=6, d=2)[0], y)


@pytest.mark.parametrize(("y", "message"), BAD_LABELS[1:])
def test_bad_labels_for_scores_of_predictions(y, message):
    with pytest.raises(ValueError, match=message):
        leep(np.full((6, 2), 0.5), y)
    with pytest.raises(ValueError, match=message):
        nce([0, 0, 0, 1, 1, 1], y)


def test_importing_loads_no_tensorflow():
    code = (
        "import sys, sktransfer.transferability; "
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert found.stdout.strip() == "set()"
