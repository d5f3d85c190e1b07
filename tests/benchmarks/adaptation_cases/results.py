"""Means of the records over seeds."""

import numpy as np

from adaptation_cases.cases import CASES
from adaptation_cases.methods import CEILING, FLOOR

# Least difference of ceiling and floor that counts as a gap.
GAP = 0.05


class Results:
    """What the methods reached on the cases.

    Parameters
    ----------
    records : iterable of dict
        One for each fit.
    """

    def __init__(self, records):
        self.failures, self._fits, versions = {}, {}, set()
        for record in records:
            method, case, seed = record["method"], record["case"], record["seed"]
            if "error" in record:
                failure = self.failures.setdefault((method, record["error"]), set())
                failure.add(case)
            else:
                self._fits.setdefault((method, case), {})[seed] = record
                versions |= set(record["versions"].split(", "))
        self.versions = sorted(versions)

    def cases(self, *families):
        """Names of the cases with a floor and a ceiling, of some families or all."""
        return [
            name
            for name, case in CASES.items()
            if (not families or case.family in families)
            and (FLOOR, name) in self._fits
            and (CEILING, name) in self._fits
        ]

    def methods(self, among):
        """Those of some methods that have a result."""
        found = {method for method, _ in self._fits}
        return [method for method in among if method in found]

    def n_seeds(self):
        """Greatest number of seeds of a method on a case."""
        return max(map(len, self._fits.values()), default=0)

    def seeds(self, method, case):
        """Seeds on which there is a result."""
        return set(self._fits.get((method, case), {}))

    def mean(self, method, case, score="accuracy", seeds=None):
        """Mean of a score or of the seconds; None where there is none."""
        fits = self._fits.get((method, case), {})
        return mean(fits[s].get(score) for s in fits if seeds is None or s in seeds)

    def best(self, methods, case, seeds=None):
        """Accuracy and name of the method that is best on a case, or None."""
        found = [(self.mean(m, case, seeds=seeds), m) for m in methods]
        return max((f for f in found if f[0] is not None), default=None)

    def gain(self, method, case, score="accuracy", over=FLOOR):
        """Mean difference from another method on the same seeds, or None."""
        ours, others = (self._fits.get((one, case), {}) for one in (method, over))
        seeds = ours.keys() & others.keys()
        return mean(ours[seed][score] - others[seed][score] for seed in seeds)

    def recovered(self, method, case):
        """Share of the gap that a method closes; None where there is no gap."""
        gain, gap = self.gain(method, case), self.gain(CEILING, case)
        return None if gain is None or gap < GAP else gain / gap


def mean(values):
    """Mean of the values that are not None, or None."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
