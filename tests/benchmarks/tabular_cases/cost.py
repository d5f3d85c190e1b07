"""What a fit and a prediction cost, by rows and columns, in time and memory."""

import resource
import time
from multiprocessing import get_context

from benchmark_tools.table import Table

ROWS, COLUMNS, NEW_ROWS = (100, 1000, 10_000), (5, 20, 100), 1000


def measure():
    """Fit and predict tables of several sizes, each in a process of its own.

    Returns
    -------
    Table
    """
    rows = [("rows", "columns", "first fit", "later fit", "prediction", "memory (GB)")]
    for n_columns in COLUMNS:
        for n_rows in ROWS:
            with get_context("spawn").Pool(1) as pool:
                first, later, prediction, memory = pool.apply(
                    _cost, (n_rows, n_columns)
                )
            seconds = (f"{value:.1f}" for value in (first, later, prediction))
            rows.append((str(n_rows), str(n_columns), *seconds, f"{memory:.1f}"))
    note = (
        f"Seconds for a fit, and for the prediction of {NEW_ROWS} rows; the first fit "
        "of a process holds the import and tracing of TensorFlow. Memory is the most "
        "that the process took, TensorFlow included."
    )
    return Table("Cost of the backbone tabular, on two cores", note, rows)


def _cost(n_rows, n_columns):
    from sklearn.datasets import make_classification

    from sktransfer import TransferClassifier

    X, y = make_classification(
        n_rows + NEW_ROWS, n_columns, n_informative=4, n_redundant=0, random_state=0
    )
    fits = []
    for seed in range(2):
        start = time.perf_counter()
        model = TransferClassifier("tabular", random_state=seed)
        model.fit(X[:n_rows], y[:n_rows])
        fits.append(time.perf_counter() - start)
    times = []
    # The first call is traced.
    for _ in range(2):
        start = time.perf_counter()
        model.predict_proba(X[n_rows:])
        times.append(time.perf_counter() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return *fits, times[-1], memory
