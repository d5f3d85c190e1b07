"""How the methods stand: means over tables, ranks, wins, and the worst tables."""

import numpy as np
from benchmark_tools.table import Table
from scipy.stats import rankdata

# What the AUC of a method is compared with on each table.
COMMON = ("logistic", "forest", "boosting")


class Standing:
    """What the methods reached at one number of training rows.

    Splits of a table are averaged first, so that each table counts once. The splits are
    those on which every method has a result.

    Parameters
    ----------
    results : Results
        Of the fits.
    size : int
        Number of training rows.
    tables : set of str or None, default=None
        Names of the tables that count. None counts all.

    Attributes
    ----------
    methods : list of str
        Methods with a result.
    tables : list of str
        Tables with such a split.
    """

    def __init__(self, results, size, tables=None):
        self.methods = results.methods(size)
        of_cells = np.array([table for table, _ in results.cells(size)])
        found = set(of_cells.tolist())
        self.tables = sorted(found if tables is None else found & tables)
        self._means = {
            measure: np.array(
                [
                    [values[of_cells == table].mean() for table in self.tables]
                    for values in (
                        results.values(method, size, measure) for method in self.methods
                    )
                ]
            )
            for measure in ("auc", "log_loss")
        }

    def values(self, measure):
        """Mean over the splits, an array of shape (n_methods, n_tables)."""
        return self._means[measure]

    def means(self, measure):
        """Mean over the tables, by method."""
        means = self.values(measure).mean(axis=1).tolist()
        return dict(zip(self.methods, means, strict=True))

    def ranks(self):
        """Mean rank of the log loss of each method, 1 for the best."""
        return rankdata(self.values("log_loss"), axis=0).mean(axis=1)

    def wins(self):
        """Number of tables on which each method has the least log loss."""
        best = self.values("log_loss").argmin(axis=0)
        return np.bincount(best, minlength=len(self.methods))

    def worst(self):
        """Table on which each method is the farthest behind the common methods.

        Returns
        -------
        list of (float, str), or of None
            The best AUC of logistic regression, forest and boosting, less the AUC of
            the method; and the name of the table. None where none of them has a result.
        """
        common = [i for i, method in enumerate(self.methods) if method in COMMON]
        if not common:
            return [None] * len(self.methods)
        auc = self.values("auc")
        behind = auc[common].max(axis=0) - auc
        return [(float(gaps.max()), self.tables[gaps.argmax()]) for gaps in behind]


def by_size(results):
    """Make the table of how the methods stand at each number of training rows."""
    names = ("rows", "method", "log loss", "AUC", "rank by log loss", "wins")
    rows, counts = [(*names, "farthest behind in AUC", "on the table")], []
    for size, standing in _standings(results):
        counts.append(f"{len(standing.tables)} at {size}")
        losses, aucs = standing.means("log_loss"), standing.means("auc")
        of_methods = zip(
            *(standing.ranks(), losses.values(), aucs.values(), standing.methods),
            *(standing.wins(), standing.worst()),
            strict=True,
        )
        for rank, loss, auc, method, wins, worst in sorted(of_methods):
            gap = (f"{worst[0]:.3f}", worst[1]) if worst else ("", "")
            means = (f"{loss:.3f}", f"{auc:.3f}", f"{rank:.2f}", str(wins))
            rows.append((str(size), method, *means, *gap))
    note = (
        "Means over the tables and splits on which every method has a result, tables: "
        f"{', '.join(counts)} rows. Splits of a table are averaged first. The farthest "
        f"behind is the best AUC of {', '.join(COMMON)} on a table less that of the "
        "method."
    )
    return Table("How the methods stand", note, rows)


def best_single(results, baselines):
    """Make the table of the baseline with the least mean log loss at each size.

    Parameters
    ----------
    results : Results
        Of the fits.
    baselines : iterable of str
        Names of the methods that count as such.
    """
    rows = [("rows", "best baseline", "log loss", "AUC", "best of all", "log loss")]
    for size, standing in _standings(results):
        losses, aucs = standing.means("log_loss"), standing.means("auc")
        known = [method for method in losses if method in baselines]
        if known:
            best, least = min(known, key=losses.get), min(losses, key=losses.get)
            found = (best, f"{losses[best]:.3f}", f"{aucs[best]:.3f}")
            rows.append((str(size), *found, least, f"{losses[least]:.3f}"))
    note = "By the mean log loss over the tables on which every method has a result."
    return Table("The best single method", note, rows)


def _standings(results):
    for size in results.sizes():
        standing = Standing(results, size)
        if standing.tables:
            yield size, standing
