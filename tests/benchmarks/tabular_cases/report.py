"""What the results say, as tables of text."""

import numpy as np
from benchmark_tools.table import Table

from tabular_cases.methods import BASELINES
from tabular_cases.standing import best_single, by_size
from tabular_cases.tables import TABLES, load

# Training rows of the tables' own table, and the measures in it.
_SIZE = 50
_MEASURES = {"auc": "AUC", "log_loss": "Log loss"}


def all_tables(results):
    """Make every table that there are results for.

    Parameters
    ----------
    results : Results
        Of the fits.

    Returns
    -------
    list of Table
    """
    tables = [
        by_size(results),
        best_single(results, BASELINES),
        *(by_method(results, size) for size in results.sizes()),
        *(
            by_table(results, size, measure)
            for measure in _MEASURES
            for size in results.sizes()
        ),
        data(results),
        failures(results),
    ]
    return [table for table in tables if table.rows[1:]]


def guide_tables(results):
    """Make the tables of the user guide; see :func:`all_tables`."""
    tables = [
        *(by_method(results, size) for size in results.sizes()),
        by_table(results, _SIZE, "auc"),
        data(results),
    ]
    return [table for table in tables if table.rows[1:]]


def by_method(results, size):
    """Make the table of the means of each method, the best by log loss first."""
    names = ("method", "rank by log loss", "rank by AUC", "log loss", "AUC")
    names += ("calibration error", "accuracy", "fit", "prediction", "memory", "results")
    cells, rows = results.cells(size), []
    if cells:
        by_loss = results.ranks(size, "log_loss", greatest_first=False)
        by_auc = results.ranks(size, "auc", greatest_first=True)
        for method in sorted(by_loss, key=by_loss.get):
            means = [
                f"{results.values(method, size, measure).mean():.3f}"
                for measure in ("log_loss", "auc", "ece", "accuracy")
            ]
            seconds = [
                f"{np.median(results.values(method, size, part)):.2f}"
                for part in ("fit_seconds", "predict_seconds")
            ]
            memory = np.nanmedian(results.values(method, size, "memory"))
            seconds.append("" if np.isnan(memory) else f"{memory:.0f}")
            ranks = (f"{by_loss[method]:.2f}", f"{by_auc[method]:.2f}")
            n_fits = str(results.n_fits(method, size))
            rows.append((method, *ranks, *means, *seconds, n_fits))
    note = (
        f"Means over {len(cells)} splits of {len({table for table, _ in cells})} "
        "tables, those on which every method has a result; fit and prediction are "
        "medians in seconds on one core, memory is the median growth of the process in "
        "MB, and results counts all splits of a method."
    )
    return Table(f"{size} training rows", note, [names, *rows])


def by_table(results, size, measure):
    """Make the table of a measure on each table."""
    methods, found = results.methods(size), results.tables(size)
    rows = [("table", *methods)]
    for table in (name for name in TABLES if name in found):
        means = (results.mean(method, size, table, measure) for method in methods)
        rows.append((table, *("" if m is None else f"{m:.3f}" for m in means)))
    title = f"{_MEASURES[measure]} of each table, {size} training rows"
    return Table(title, "Means over splits.", rows)


def data(results):
    """Make the table of what is in the tables."""
    found = set().union(*map(results.tables, results.sizes()))
    names = ("table", "predicted", "rows", "columns", "of categories", "with gaps")
    rows = [(*names, "classes", "share of the rarest")]
    for name in (name for name in TABLES if name in found):
        X, y = load(name)
        counts = np.bincount(y)
        numbers = (len(X), X.shape[1], X.select_dtypes("category").shape[1])
        numbers += (int(X.isna().any().sum()), len(counts))
        predicted = TABLES[name].__doc__.splitlines()[0].rstrip(".")
        share = f"{100 * counts.min() / len(y):.1f} %"
        rows.append((name, predicted, *map(str, numbers), share))
    return Table("Tables", "Without the columns that are left out.", rows)


def failures(results):
    """Make the table of what could not be fitted."""
    rows = [("method", "error", "tables")]
    for (method, error), cases in results.failures.items():
        message = (error.splitlines() or [""])[0][:300]
        rows.append((method, message, ", ".join(sorted({table for table, _ in cases}))))
    return Table("Failed", "The first line of each error.", rows)
