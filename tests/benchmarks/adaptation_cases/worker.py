"""A process that fits methods of one package, job after job.

It reads jobs and writes answers, a line of JSON each, through its standard streams.
"""

import importlib
import json
import os
import sys
import time

import numpy as np
from benchmark_tools.versions import versions

# Package -> module whose `fit` takes a Job and returns a function without arguments
# that gives the probabilities of the rows to predict, and packages worth a version.
_PACKAGES = {
    "sktransfer": ("ours", ("sktransfer", "keras", "tensorflow")),
    "adapt": ("adapt_package", ("adapt", "tf-keras", "tensorflow")),
    "skada": ("skada_package", ("skada", "torch", "scikit-learn")),
}


class Job:
    """What is to be fitted.

    Attributes
    ----------
    method, backbone : str
        Names.
    X_source, y_source, X_target : ndarray
        Rows of both domains and class indices of the source's.
    X_scored : ndarray
        Rows of the target to predict.
    y_target : ndarray or None
        Class indices of the target's rows, -1 where the method may not know them;
        None where it may know none.
    seed, epochs, batch_size : int
        Settings of the training.
    learning_rate : float
        Of our estimators; neighbors have their own.
    same_work : bool
        Whether to do exactly the work of the others, for a comparison of times: our
        discriminator rather than the package's, and no early stop.
    rows_file : str
        File of the rows.
    """

    def __init__(self, *, rows_file, y_target, **settings):
        with np.load(rows_file) as arrays:
            vars(self).update(arrays.items())
        self.y_target = None if y_target is None else np.array(y_target)
        self.rows_file = rows_file
        vars(self).update(settings)

    @property
    def n_classes(self):
        """Number of classes of the source."""
        return int(self.y_source.max()) + 1


def _answer(fit, job):
    start = time.perf_counter()
    predict = fit(job)
    seconds = time.perf_counter() - start
    proba = np.asarray(predict(), dtype=float)
    if proba.shape != (len(job.X_scored), job.n_classes):
        raise ValueError(f"probabilities of shape {proba.shape}")
    if not np.isfinite(proba).all():
        raise ValueError("probabilities that are not finite")
    return {"seconds": seconds, "proba": proba.tolist()}


def _main(package):
    module, packages = _PACKAGES[package]
    answers = os.fdopen(os.dup(1), "w")
    # What libraries print is not an answer.
    os.dup2(2, 1)
    failure, found = None, versions(packages)
    try:
        fit = importlib.import_module(f"adaptation_cases.{module}").fit
    except Exception as error:
        failure = f"cannot start: {type(error).__name__}: {error}"
    for line in sys.stdin:
        answer = {"error": failure}
        if failure is None:
            try:
                answer = _answer(fit, Job(**json.loads(line)))
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer | {"versions": found}), file=answers, flush=True)


if __name__ == "__main__":
    _main(sys.argv[1])
