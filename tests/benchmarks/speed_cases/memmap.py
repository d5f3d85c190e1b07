"""Training on a table in a file that need not fit in memory."""

import contextlib
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from speed_cases.measure import Comparison, Quantity, Run
from speed_cases.process import in_fresh_process

_COLUMNS = 1000
_CHUNK = 10_000


def memmap(options):
    """An epoch on a float32 table in a file, and on the same table in memory."""
    n_rows = int(options["memmap_gb"] * 1e9 / (4 * _COLUMNS))
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        path, labels = _write_table(Path(folder), n_rows)

        def run(name, in_memory):
            result = in_fresh_process("memmap:train", path, labels, n_rows, in_memory)
            results.setdefault(name, []).append(result)
            return Run(result["seconds"], result["accuracy"])

        names = {"np.memmap": False, "array in memory": True}
        yield Comparison(
            f"an epoch of {n_rows:,} rows of {_COLUMNS}",
            {
                name: lambda name=name, in_memory=in_memory: run(name, in_memory)
                for name, in_memory in names.items()
            },
            [("np.memmap", "array in memory", 0.7)],
            not_warmed=tuple(names),
            note="each in a fresh process; the file is in the system's cache",
        )
    for name, runs in results.items():
        goal = 1.5 if name == "np.memmap" else None
        for key, label in (("rss", "RSS"), ("anonymous", "RssAnon")):
            peak = max(result[key] for result in runs) / 1e9
            yield Quantity(
                f"peak {label}, {name}", peak, "GB", goal if key == "rss" else None
            )
        rate = n_rows / np.median([result["seconds"] for result in runs])
        yield Quantity(f"rows a second, {name}", rate, "")


def _write_table(folder, n_rows):
    """Write rows of noise, and labels that depend on a few columns."""
    rng = np.random.default_rng(0)
    path, labels = folder / "rows.bin", folder / "labels.npy"
    y = np.empty(n_rows, dtype=np.int64)
    with path.open("wb") as file:
        for start in range(0, n_rows, _CHUNK):
            shape = (min(_CHUNK, n_rows - start), _COLUMNS)
            rows = rng.standard_normal(shape, dtype=np.float32)
            y[start : start + len(rows)] = rows[:, :4].argmax(axis=1)
            rows.tofile(file)
    np.save(labels, y)
    return str(path), str(labels)


def train(path, labels, n_rows, in_memory):
    """Fit the network for tables, noting the peaks of this process's memory.

    Returns
    -------
    dict
        Keys seconds, accuracy, rss and anonymous (both in bytes).
    """
    from sktransfer import TransferClassifier

    X = np.memmap(path, dtype=np.float32, mode="r", shape=(n_rows, _COLUMNS))
    y = np.load(labels)
    X_test, y_test = np.array(X[:1000]), y[:1000]
    if in_memory:
        X = np.fromfile(path, dtype=np.float32).reshape(n_rows, _COLUMNS)
    classifier = TransferClassifier("mlp", epochs=1, batch_size=256, random_state=0)
    with _peaks() as peaks:
        start = time.perf_counter()
        classifier.fit(X, y)
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "accuracy": classifier.score(X_test, y_test), **peaks}


@contextlib.contextmanager
def _peaks(interval=0.02):
    """Sample the process's resident memory, all of it and the part not of files."""
    fields = {"VmRSS": "rss", "RssAnon": "anonymous"}
    peaks = dict.fromkeys(fields.values(), 0)
    finished = threading.Event()

    def sample():
        while not finished.wait(interval):
            for line in Path("/proc/self/status").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in fields:
                    key = fields[name]
                    peaks[key] = max(peaks[key], 1024 * int(value.split()[0]))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peaks
    finally:
        finished.set()
        thread.join()
