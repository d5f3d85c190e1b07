"""Verdict: whether a transfer helps, and with how many labels."""

import math
from dataclasses import dataclass

_OUTCOMES = ("helps", "negative transfer", "no difference")


@dataclass(frozen=True)
class Verdict:
    """Whether the transfer helps, by training size.

    Attributes
    ----------
    helps, negative_transfer, no_difference : tuple of int
        Training sizes with a gain above 0, with a gain below 0, and with a gain that
        may be either. A size with fewer than two splits is in none of them.
    """

    helps: tuple = ()
    negative_transfer: tuple = ()
    no_difference: tuple = ()

    @classmethod
    def from_outcomes(cls, outcomes):
        """Make a verdict from the outcome at each training size.

        Parameters
        ----------
        outcomes : dict of str
            "helps", "negative transfer", "no difference" or "unknown", by size.

        Returns
        -------
        Verdict
        """
        return cls(
            *(
                tuple(size for size, outcome in outcomes.items() if outcome == name)
                for name in _OUTCOMES
            )
        )

    @property
    def outcome(self):
        """One of "helps", "negative transfer", "no difference", "mixed", "unknown".

        "helps" means at some size, with a negative transfer at none; "negative
        transfer" means the opposite, and "mixed" that there are sizes of both kinds.
        """
        if self.helps and self.negative_transfer:
            return "mixed"
        return next((name for name, sizes in self._by_outcome() if sizes), "unknown")

    def _by_outcome(self):
        sizes = (self.helps, self.negative_transfer, self.no_difference)
        return zip(_OUTCOMES, sizes, strict=True)

    def __str__(self):
        parts = [
            f"{name} at {', '.join(map(str, sizes))}"
            for name, sizes in self._by_outcome()
            if sizes
        ]
        return "; ".join(parts) or "unknown"


def outcome_of_interval(low, high):
    """Return the outcome for an interval of the gain; NaN is unknown."""
    if math.isnan(low):
        return "unknown"
    if low > 0:
        return "helps"
    return "negative transfer" if high < 0 else "no difference"


def combine_outcomes(outcomes):
    """Return the outcome over several baselines at one training size."""
    for name in ("negative transfer", "unknown"):
        if name in outcomes:
            return name
    return "helps" if set(outcomes) == {"helps"} else "no difference"
