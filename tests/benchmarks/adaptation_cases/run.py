"""Runs the fits that are not in the file of results yet."""

import json
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from adaptation_cases import records
from adaptation_cases.cases import CASES
from adaptation_cases.methods import SEMI_SUPERVISED, known_labels, package_of, runs_on
from adaptation_cases.process import Worker

BATCH_SIZE = 32


def run(cases, methods, seeds, *, file, epochs, jobs, peer_python=None, again=False):
    """Run methods on cases, each method in a process of its own.

    Parameters
    ----------
    cases, methods : list of str
        Names.
    seeds : list of int
        Seeds of the rows and of the fits.
    file : Path
        Where records are appended. What is in it is not run again, errors excepted.
    epochs : int
        Epochs of each fit.
    jobs : int
        Number of processes at a time.
    peer_python : path-like or None
        Interpreter of the neighbors; None is this one.
    again : bool
        Whether to run what is in the file too.
    """
    fits, _ = records.read(file)
    done = set() if again else {key for key in fits if "error" not in fits[key]}
    lock, stopped = threading.Lock(), threading.Event()

    def run_method(method):
        package = package_of(method)
        python = None if package == "sktransfer" else peer_python
        fits = [
            (case, seed)
            for seed in seeds
            for case in cases
            if runs_on(method, CASES[case]) and (method, case, seed, epochs) not in done
        ]
        with Worker(package, python) as worker:
            for case, seed in fits:
                record = _run_one(worker, folder, method, case, seed, epochs)
                # An interrupt ends the workers too, which is no failure of theirs.
                if stopped.is_set():
                    return
                with lock, file.open("a") as lines:
                    lines.write(json.dumps(record) + "\n")
                _print(record)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        folder = Path(folder)
        try:
            list(pool.map(run_method, methods))
        except KeyboardInterrupt:
            stopped.set()
            raise


def make_job(folder, method, case, seed, epochs):
    """Write the rows of a job, if need be, and say what a worker is to do.

    Parameters
    ----------
    folder : Path
        Where the rows are kept.
    method, case : str
        Names.
    seed, epochs : int
        Settings.

    Returns
    -------
    dict
        For :meth:`~adaptation_cases.process.Worker.ask`.
    """
    rows, file = CASES[case].draw(seed), folder / f"{case}-{seed}.npz"
    if not file.exists():
        # Under a name of its own first, as another thread may want the same rows.
        own = folder / f"{threading.get_ident()}.npz"
        np.savez(
            own,
            X_source=rows.X_source,
            y_source=rows.y_source,
            X_target=rows.X_target,
            X_scored=rows.X_scored,
        )
        own.replace(file)
    known = known_labels(method, rows.y_target, seed)
    return {
        "method": method.partition(":")[2] or method,
        "backbone": CASES[case].backbone,
        "learning_rate": CASES[case].learning_rate,
        "rows_file": str(file),
        "y_target": None if known is None else known.tolist(),
        "seed": seed,
        "epochs": epochs,
        "batch_size": BATCH_SIZE,
        "same_work": False,
    }


def _run_one(worker, folder, method, case, seed, epochs):
    job = make_job(folder, method, case, seed, epochs)
    answer = worker.ask(job)
    proba = answer.pop("proba", None)
    if proba is not None:
        rows = CASES[case].draw(seed)
        y = rows.y_scored
        tested = np.ones(len(y), dtype=bool)
        if method in SEMI_SUPERVISED and rows.X_new is None:
            tested = np.array(job["y_target"]) < 0
        answer |= records.scores(np.array(proba)[tested], y[tested])
    return {"method": method, "case": case, "seed": seed, "epochs": epochs, **answer}


def _print(record):
    result = record.get("error") or (
        f"{100 * record['accuracy']:5.1f} % in {record['seconds']:.1f} s"
    )
    print(
        f"{record['case']:24}{record['method']:24}{record['seed']:3}  {result}",
        file=sys.stderr,
        flush=True,
    )
