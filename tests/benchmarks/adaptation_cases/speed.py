"""Times of DANN, ours against the neighbors', on the same rows."""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from adaptation_cases import records
from adaptation_cases.cases import CASES
from adaptation_cases.process import Worker
from adaptation_cases.run import make_job

_CASES = ("toy-moons", "digits-translated", "house-ages")
_PACKAGES = {"sktransfer": "dann", "adapt": "DANN", "skada": "DANN"}


def measure(file, *, repeats, epochs, peer_python=None):
    """Fit DANN by each package in turn and append the times to a file.

    In every repeat each package has a fresh process, which fits twice: the first fit
    compiles what the package compiles, the second one is what a search would repeat.
    Imports are not timed. The order of the packages is reversed every other time.

    Parameters
    ----------
    file : Path
        File of results.
    repeats : int
        Processes of each package.
    epochs : int
        Epochs of each fit.
    peer_python : path-like or None
        Interpreter of the neighbors; None is this one.
    """
    for case in _CASES:
        measured = {package: [] for package in _PACKAGES}
        for i in range(repeats):
            for package in list(_PACKAGES)[:: 1 if i % 2 == 0 else -1]:
                python = None if package == "sktransfer" else peer_python
                measured[package].append(_two_fits(package, python, case, epochs))
        record = {"speed": case, "epochs": epochs, "packages": measured}
        with file.open("a") as lines:
            lines.write(json.dumps(record) + "\n")
        for row in rows([record])[1:]:
            print(*row, sep="  ", file=sys.stderr)


def _two_fits(package, python, case, epochs):
    """Seconds of a first and of a second fit, and the accuracy of the latter."""
    y = CASES[case].draw(0).y_target
    with (
        tempfile.TemporaryDirectory() as folder,
        Worker(package, python, one_thread=False) as worker,
    ):
        job = make_job(Path(folder), _PACKAGES[package], case, 0, epochs)
        answers = [worker.ask(job | {"same_work": True}) for _ in range(2)]
    errors = [answer["error"] for answer in answers if "error" in answer]
    if errors:
        return {"error": errors[0]}
    proba = np.array(answers[1]["proba"])
    return {
        "seconds": [answer["seconds"] for answer in answers],
        "versions": answers[1]["versions"],
    } | records.scores(proba, y)


def rows(measured):
    """Make the rows of a table of times, the first one of names."""
    result = [
        ("case", "package", "first fit", "later fits", "accuracy")
        + ("ours is faster: first fit", "later fits")
    ]
    for record in measured:
        packages = record["packages"]
        medians = {
            package: np.median([fits["seconds"] for fits in repeats], axis=0)
            for package, repeats in packages.items()
            if not any("error" in fits for fits in repeats)
        }
        for package, repeats in packages.items():
            if package not in medians:
                error = next(fits["error"] for fits in repeats if "error" in fits)
                result.append((record["speed"], package, error, "", "", "", ""))
                continue
            accuracy = np.mean([fits["accuracy"] for fits in repeats])
            ratios = ("", "")
            if package != "sktransfer" and "sktransfer" in medians:
                ours = medians["sktransfer"]
                ratios = tuple(f"{r:.1f}x" for r in medians[package] / ours)
            times = tuple(f"{seconds:.2f} s" for seconds in medians[package])
            result.append(
                (record["speed"], package, *times, f"{100 * accuracy:.1f} %", *ratios)
            )
    return result
