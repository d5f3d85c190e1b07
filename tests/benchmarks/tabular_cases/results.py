"""Means and ranks of the records."""

import numpy as np
from scipy.stats import rankdata

from tabular_cases.methods import METHODS


class Results:
    """What the methods reached on the tables.

    Parameters
    ----------
    records : iterable of dict
        One for each fit.
    """

    def __init__(self, records):
        self.failures, self._fits, versions = {}, {}, set()
        for record in records:
            method, cell = record["method"], (record["table"], record["seed"])
            if "error" in record:
                failure = self.failures.setdefault((method, record["error"]), set())
                failure.add((record["table"], record["size"]))
            else:
                fits = self._fits.setdefault(record["size"], {})
                fits.setdefault(method, {})[cell] = record
                versions |= set(record["versions"].split(", "))
        self.versions = sorted(versions)

    def sizes(self):
        """Numbers of training rows that there are results for."""
        return sorted(self._fits)

    def methods(self, size):
        """Methods that have a result at a size."""
        return [method for method in METHODS if method in self._fits.get(size, {})]

    def n_fits(self, method, size):
        """Number of results of a method."""
        return len(self._fits[size][method])

    def cells(self, size):
        """Pairs of a table and a seed on which all methods of a size have a result."""
        fits = [set(cells) for cells in self._fits.get(size, {}).values()]
        return sorted(set.intersection(*fits)) if fits else []

    def values(self, method, size, measure):
        """Values of a measure on the cells of a size, NaN for one that is not known."""
        fits = self._fits[size][method]
        return np.array([fits[cell].get(measure) for cell in self.cells(size)], float)

    def ranks(self, size, measure, *, greatest_first):
        """Mean rank of each method over the cells of a size, 1 for the best.

        Parameters
        ----------
        size : int
            Training rows.
        measure : str
            What to rank by. Equal values share the mean of their ranks.
        greatest_first : bool
            Whether greater values are better.

        Returns
        -------
        dict of str to float
        """
        methods = self.methods(size)
        values = np.array([self.values(method, size, measure) for method in methods])
        ranks = rankdata(-values if greatest_first else values, axis=0)
        return dict(zip(methods, ranks.mean(axis=1), strict=True))

    def mean(self, method, size, table, measure):
        """Mean of a measure over the splits of a table, or None."""
        fits = self._fits.get(size, {}).get(method, {})
        values = [fits[cell][measure] for cell in fits if cell[0] == table]
        return float(np.mean(values)) if values else None

    def tables(self, size):
        """Names of the tables with a result at a size."""
        fits = self._fits.get(size, {}).values()
        return {table for cells in fits for table, _ in cells}
