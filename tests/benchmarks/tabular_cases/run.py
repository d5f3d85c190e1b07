"""Runs the fits that are not in the file of results yet."""

import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

import numpy as np
from benchmark_tools import settings

from tabular_cases import records
from tabular_cases.fit import record
from tabular_cases.methods import LEAST_ROWS
from tabular_cases.splits import split
from tabular_cases.tables import load

# TensorFlow keeps some memory of every network.
_FITS_A_PROCESS = 200


def run(tables, methods, sizes, seeds, *, file, jobs, again=False):
    """Fit methods on tables.

    Parameters
    ----------
    tables, methods : list of str
        Names.
    sizes, seeds : list of int
        Training rows, and seeds of the splits and of the fits.
    file : Path
        Where records are appended. What is in it is not run again, errors excepted.
    jobs : int
        Number of processes, of one thread each.
    again : bool
        Whether to run what is in the file too.
    """
    found = {} if again else records.read(file)
    done = {key for key, known in found.items() if "error" not in known}
    fits = [
        (method, table, size, seed)
        for seed in seeds
        for table in tables
        for size in sizes
        if split(load(table)[1], size, seed) is not None
        for method in methods
        if size >= LEAST_ROWS.get(method, 0)
        if (method, table, size, seed) not in done
    ]
    # Processes that are spawned read it before they import anything.
    os.environ.update(settings.COMMON | settings.ONE_THREAD)
    batch = _FITS_A_PROCESS * jobs
    for start in range(0, len(fits), batch):
        _run_batch(fits[start : start + batch], file, jobs)


def _run_batch(fits, file, jobs):
    """Fit in fresh processes.

    A limit of tasks per process, which the pool offers, can make it wait for ever.
    """
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            for future in as_completed([pool.submit(record, *fit) for fit in fits]):
                with file.open("a") as lines:
                    lines.write(records.line(future.result()))
                _print(future.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _print(record):
    result = record.get("error") or (
        f"AUC {record['auc'] or np.nan:.3f}, log loss {record['log_loss']:.3f} "
        f"in {record['fit_seconds']:.1f} s"
    )
    print(
        f"{record['table']:16}{record['method']:16}{record['size']:6}"
        f"{record['seed']:3}  {result}",
        file=sys.stderr,
        flush=True,
    )
