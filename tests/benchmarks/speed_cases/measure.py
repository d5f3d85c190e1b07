"""What a case consists of, and the interleaved timing of its contenders."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Run:
    """One repeat of a contender."""

    seconds: float
    accuracy: float | None = None


def timed(function, *, accuracy=None, before=None, calls=1, scale=1.0):
    """Make a contender: a function that runs once and returns a :class:`Run`.

    Parameters
    ----------
    function : callable
        What is timed.
    accuracy : callable or None
        Gives the accuracy from the result of `function`; not timed.
    before : callable or None
        Called first; not timed.
    calls : int
        How often `function` is called; the time is that of one call.
    scale : float
        Factor on the time, where `function` does a part of the work only.
    """

    def run():
        if before is not None:
            before()
        gc.collect()
        start = time.perf_counter()
        for _ in range(calls):
            result = function()
        seconds = scale * (time.perf_counter() - start) / calls
        return Run(seconds, None if accuracy is None else float(accuracy(result)))

    return run


@dataclass
class Comparison:
    """Contenders that do the same work.

    Attributes
    ----------
    label : str
        What the work is.
    contenders : dict of str to callable
        Functions that return a :class:`Run`.
    lines : list of (ours, neighbor, goal)
        What to report: how many times as fast ours is; the goal is the least such
        ratio or None.
    not_warmed : tuple of str
        Contenders without a first run of their own, as each run of theirs is cold.
    accuracy_margin : float or None
        How much less accurate than a neighbor ours may be.
    note : str
        What a reader has to know.
    runs, first : dict
        The repeats and the first run of each contender, once measured.
    """

    label: str
    contenders: dict[str, Callable[[], Run]]
    lines: list[tuple[str, str, float | None]] = field(default_factory=list)
    not_warmed: tuple[str, ...] = ()
    accuracy_margin: float | None = None
    note: str = ""
    runs: dict[str, list[Run]] = field(default_factory=dict)
    first: dict[str, Run] = field(default_factory=dict)

    def measure(self, repeats):
        """Run all contenders in turn, every other time in reverse order."""
        names = list(self.contenders)
        self.first = {
            name: self.contenders[name]()
            for name in names
            if name not in self.not_warmed
        }
        self.runs = {name: [] for name in names}
        for i in range(repeats):
            for name in names if i % 2 == 0 else names[::-1]:
                self.runs[name].append(self.contenders[name]())

    def median(self, name):
        """Median seconds of a contender."""
        return float(np.median([run.seconds for run in self.runs[name]]))

    def as_record(self):
        """Everything measured, as plain data."""
        return {
            "kind": "comparison",
            "label": self.label,
            "note": self.note,
            "accuracy_margin": self.accuracy_margin,
            "lines": self.lines,
            "contenders": {
                name: {
                    "first": self.first[name].seconds if name in self.first else None,
                    "seconds": [run.seconds for run in runs],
                    "accuracies": [run.accuracy for run in runs],
                }
                for name, runs in self.runs.items()
            },
        }


@dataclass
class Quantity:
    """A figure that is not a time against a time; the goal is its greatest value."""

    label: str
    value: float
    unit: str
    goal: float | None = None
    note: str = ""

    def as_record(self):
        """Everything measured, as plain data."""
        return {"kind": "quantity", **vars(self)}


@dataclass
class Curve:
    """A line of a plot; `panel` says which."""

    panel: str
    label: str
    x: list[float]
    y: list[float]

    def as_record(self):
        """Everything measured, as plain data."""
        return {"kind": "curve", **vars(self)}
