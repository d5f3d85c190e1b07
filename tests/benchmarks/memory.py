"""Measure how much memory fits of many shapes leave behind in a process.

Each kind of backbone runs in a process of its own. After some fits to warm up, the
rows, the columns, the frozen depth and the optimizer change from fit to fit. Run from
the checkout::

    python tests/benchmarks/memory.py [KIND ...] [--n-fits 150] [--n-warm-up 20]

The kinds are "mlp", "tabular", "file" (a small network, a file for each number of
columns) and "large_file" (about 20 MB of weights, at each of its 11 frozen depths). The
goal is a growth of at most 100 MB each.
"""

import argparse
import gc
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

KINDS = ["mlp", "tabular", "file", "large_file"]
OPTIMIZERS = [
    "adamw", "adam", "sgd", "rmsprop", "nadam", "adamax", "adagrad", "lion",
]  # fmt: skip
N_COLUMNS = (4, 40)
N_ROWS = (40, 300)
N_LARGE_LAYERS, LARGE_WIDTH = 11, 700
MEGABYTE = 1e6


def write_network(folder, n_columns, widths):
    """Write a network of dense layers to a .keras file, unless it is there."""
    import keras

    path = Path(folder) / f"{len(widths)}_layers_{n_columns}_columns.keras"
    if not path.exists():
        layers = [keras.layers.Dense(width, activation="relu") for width in widths]
        keras.Sequential([keras.Input((n_columns,)), *layers]).save(path)
    return str(path)


def choose_parameters(kind, rng, folder, i):
    """Choose the number of columns and the parameters of the i-th estimator."""
    n_columns = int(rng.integers(N_COLUMNS[0], N_COLUMNS[1] + 1))
    optimizer = OPTIMIZERS[rng.integers(len(OPTIMIZERS))]
    common = {"epochs": 2, "optimizer": optimizer, "random_state": 0}
    if kind == "mlp":
        return n_columns, {"backbone": "mlp", **common}
    if kind == "tabular":
        return n_columns, {"backbone": "tabular", "random_state": 0}
    if kind == "file":
        path = write_network(folder, n_columns, [32, 24, 16])
        depth = int(rng.integers(4))
    else:
        n_columns, optimizer = N_COLUMNS[1], "adamw"
        path = write_network(folder, n_columns, [LARGE_WIDTH] * N_LARGE_LAYERS)
        depth = i % N_LARGE_LAYERS
    common["optimizer"] = optimizer
    return n_columns, {"backbone": path, "frozen_depth": depth, **common}


def resident():
    """Return the resident memory of this process in MB, after a collection."""
    import psutil

    gc.collect()
    return psutil.Process().memory_info().rss / MEGABYTE


def measure(kind, n_fits, n_warm_up):
    """Fit one kind of backbone many times and print how memory grows."""
    from sktransfer import TransferClassifier
    from sktransfer._caches import cache_info

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(n_warm_up + n_fits):
            if i == n_warm_up:
                before, start = resident(), time.perf_counter()
            n_columns, parameters = choose_parameters(kind, rng, folder, i)
            n_rows = rng.integers(N_ROWS[0], N_ROWS[1] + 1)
            X = rng.normal(size=(n_rows, n_columns)).astype(np.float32)
            y = np.resize([0, 1, 2], n_rows)
            TransferClassifier(**parameters).fit(X, y).predict(X)
            if i % 25 == 24:
                print(f"  {kind}: {i + 1} fits, {resident():.0f} MB", flush=True)
    after, seconds = resident(), time.perf_counter() - start
    # Linux gives kilobytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
    print(
        f"{kind}: {n_fits} fits after {n_warm_up} grow by {after - before:+.0f} MB, "
        f"from {before:.0f} to {after:.0f} MB (peak {peak:.0f} MB), "
        f"in {seconds:.0f} s"
    )
    for cache in cache_info():
        print(
            f"  cache {cache.name}: {cache.entries} entries, "
            f"{cache.bytes / MEGABYTE:.1f} of {cache.max_bytes / MEGABYTE:.0f} MB"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--n-fits", type=int, default=150)
    parser.add_argument("--n-warm-up", type=int, default=20)
    options = parser.parse_args()
    if not set(options.kinds) <= set(KINDS):
        parser.error(f"kinds: {options.kinds}; accepted: {KINDS}")
    context = multiprocessing.get_context("spawn")
    for kind in options.kinds or KINDS:
        process = context.Process(
            target=measure, args=(kind, options.n_fits, options.n_warm_up)
        )
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(process.exitcode)


if __name__ == "__main__":
    main()
