"""Rows in memory-mapped files: the same results, without reading them all at once."""

import mmap
import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from sktransfer import BackboneFeatures, _large_arrays
from sktransfer._large_arrays import blocks, release, stack, take_rows
from sktransfer.training.store import samples as rows_module

_STATUS = Path("/proc/self/status")
needs_status = pytest.mark.skipif(
    not _STATUS.exists() or not hasattr(mmap, "MADV_DONTNEED"),
    reason="this system does not tell, or take advice on, mapped memory",
)


@pytest.fixture
def mapped(tmp_path):
    """Write an array to a file and map it."""

    def mapped(X, mode="r"):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, X)
        return np.load(path, mmap_mode=mode)

    return mapped


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut even small arrays into several blocks."""
    monkeypatch.setattr(_large_arrays, "_BLOCK_BYTES", 1 << 12)
    monkeypatch.setattr(_large_arrays, "_GATHER_BYTES", 1 << 23)


@pytest.fixture
def advice(monkeypatch):
    """Note which arrays are let go, as well as letting them go."""
    seen = []

    def noting(X):
        seen.append(X)
        release(X)

    monkeypatch.setattr(_large_arrays, "release", noting)
    return seen


# ---- the same results


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int16"])
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_a_mapped_file_gives_the_same_bits(
    make, target, mapped, small_blocks, dtype, mode
):
    X, y = (16 * target[0]).astype(dtype), target[1]
    weight = np.arange(100) % 4
    parameters = {"recipe": "full", "early_stopping": True, "frozen_depth": 1}
    expected = make(**parameters).fit(X, y, sample_weight=weight)
    from_file = mapped(X, mode)
    estimator = make(**parameters).fit(from_file, y, sample_weight=weight)
    expected.history_["seconds"] = estimator.history_["seconds"]
    assert estimator.history_ == expected.history_
    proba = expected.predict_proba(X)
    assert estimator.predict_proba(from_file).tobytes() == proba.tobytes()
    assert np.array_equal(from_file, X)


@pytest.mark.parametrize("changed", [{"recipe": "linear_probe"}, {"backbone": "mlp"}])
def test_so_do_probe_and_table_network(make, target, mapped, small_blocks, changed):
    X, y = target
    expected = make(**changed).fit(X, y)
    estimator = make(**changed).fit(mapped(X), y)
    assert all(map(np.array_equal, estimator.weights_, expected.weights_))


def test_images_and_features(mapped, small_blocks):
    X = np.random.default_rng(0).integers(0, 255, (100, 6, 6, 3)).astype(np.uint8)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    features = BackboneFeatures(model)
    from_file = mapped(X)
    expected = features.fit_transform(X)
    assert features.fit_transform(from_file).tobytes() == expected.tobytes()
    flat = from_file.reshape(100, -1)
    assert features.fit_transform(flat).tobytes() == expected.tobytes()


def test_changes_that_are_not_in_the_file_survive(make, target, mapped):
    X, y = target
    changed = mapped(np.zeros_like(X), mode="c")
    changed[:] = X
    assert make().fit(changed, y).score(changed, y) > 0.5
    assert np.array_equal(changed, X)


def test_unflushed_changes_survive(make, target, mapped):
    X, y = target
    changed = mapped(np.zeros_like(X), mode="r+")
    changed[:] = X
    make().fit(changed, y)
    assert np.array_equal(changed, X)


# ---- checks


@pytest.mark.parametrize(("value", "row"), [(np.nan, -1), (np.inf, -1), (np.nan, 0)])
@pytest.mark.parametrize("wrap", [np.asarray, np.asfortranarray, pd.DataFrame])
def test_errors_name_the_column(make, target, mapped, small_blocks, value, row, wrap):
    X, y = target[0].copy(), target[1]
    X[row, 7] = value
    message = r"Input X contains (NaN|infinity.*) in column '?7'?\."
    for rows in (wrap(X), mapped(X)):
        with pytest.raises(ValueError, match=message):
            make().fit(rows, y)
        with pytest.raises(ValueError, match=message):
            make().fit(*target).predict(rows)


def test_a_large_value_in_the_last_block(make, target, mapped, small_blocks):
    X, y = target[0].astype(np.float64), target[1]
    X[-1, 7] = -1e300
    with pytest.raises(ValueError, match="too large for dtype"):
        make().fit(mapped(X), y)


def test_objects_are_checked_as_numbers(make, target):
    X = target[0].astype(object)
    expected = make().fit(target[0].astype(float), target[1])
    estimator = make().fit(X, target[1])
    assert all(map(np.array_equal, estimator.weights_, expected.weights_))
    X[-1, 7] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        make().fit(X, target[1])


# ---- memory


def test_rows_are_not_copied(make, mapped, monkeypatch):
    monkeypatch.setattr(_large_arrays, "_BLOCK_BYTES", 1 << 18)
    monkeypatch.setattr(rows_module, "_BLOCK_BYTES", 1 << 18)
    rng = np.random.default_rng(0)
    X = mapped(rng.random((20_000, 64)))
    y = np.arange(len(X)) % 2
    estimator = make(recipe="full", epochs=1, batch_size=1000)
    estimator.fit(X[:2000], y[:2000])
    tracemalloc.start()
    try:
        estimator.predict(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 2


def mapped_megabytes():
    status = dict(line.split(":") for line in _STATUS.read_text().splitlines())
    # A folder in memory counts as the second.
    return sum(int(status[k].split()[0]) for k in ("RssFile", "RssShmem")) / 1024


@needs_status
def test_pages_are_let_go(tmp_path):
    """Looked at when most are read, just before each block is let go."""
    shape = (64, 1 << 18)
    X = np.memmap(tmp_path / "X", mode="w+", shape=shape, dtype=np.float32)
    X[:] = 1
    release(X)
    base, peak = mapped_megabytes(), 0
    for rows in blocks(X):
        assert rows.sum() == rows.size
        peak = max(peak, mapped_megabytes())
    assert peak < base + 40
    for order in (np.arange(64), np.arange(64)[::-1]):
        taken = take_rows(X, order)
        assert taken.sum() == X.size
        assert mapped_megabytes() < base + 10
        release(X[3:].reshape(-1))
    assert mapped_megabytes() < base + 10
    X.sum()
    # The measure does see pages that are kept.
    assert mapped_megabytes() > base + 50


def test_nothing_else_is_let_go(mapped):
    """Memory without a file behind it, or with changes of its own, would be lost."""
    anonymous = mmap.mmap(-1, 1 << 16)
    arrays = [
        np.ones((64, 64)),
        np.frombuffer(anonymous, dtype=np.float64),
        mapped(np.ones((64, 64)), mode="c"),
    ]
    for X in arrays:
        X[:] = 3
        for view in (X, X[1:], np.asarray(X).reshape(-1)):
            release(view)
        assert (X == 3).all()


@pytest.mark.parametrize("method", ["fit", "predict", "transform"])
def test_each_pass_lets_go(make, source, target, mapped, advice, method):
    X, y = target
    from_file = mapped(X)
    if method == "fit":
        make(recipe="full").fit(from_file, y)
    else:
        fitted = (make() if method == "predict" else BackboneFeatures(source)).fit(X, y)
        getattr(fitted, method)(from_file)
    files = [rows for rows in advice if np.may_share_memory(rows, from_file)]
    # The check of values, then at least one reading.
    assert len(files) > 1


# ---- parts


def test_stacked_parts():
    parts = [[np.full((n, 2), n), np.full(n, -n)] for n in (3, 1)]
    first, second = stack(iter(parts), 4)
    assert first.tolist() == [[3, 3], [3, 3], [3, 3], [1, 1]]
    assert second.tolist() == [-3, -3, -3, -1]


def test_blocks_are_views_of_all_rows():
    X = np.arange(70).reshape(35, 2)
    parts = list(blocks(X, 8))
    assert [len(rows) for rows in parts] == [8, 8, 8, 8, 3]
    assert np.array_equal(np.concatenate(parts), X)
    assert all(np.shares_memory(rows, X) for rows in parts)
