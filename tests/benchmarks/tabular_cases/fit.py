"""One fit and what it gives."""

import time
import warnings

import numpy as np
from benchmark_tools.versions import versions

from tabular_cases import memory
from tabular_cases.measures import measures
from tabular_cases.methods import METHODS, OURS, PEERS
from tabular_cases.splits import split
from tabular_cases.tables import load

_OF_ALL = ("scikit-learn",)
_OF_OURS = ("sktransfer", "keras", "tensorflow")
_OF_PEERS = ("pytabkit", "torch")
_DIGITS = 5


def record(method, table, size, seed):
    """Fit and test a method.

    Parameters
    ----------
    method, table : str
        Names.
    size, seed : int
        Training rows and the seed of the split and of the fit.

    Returns
    -------
    dict
        What was fitted and its measures, or the error. Numbers have 5 digits.
    """
    result = {"method": method, "table": table, "size": size, "seed": seed}
    with warnings.catch_warnings():
        # Small training sets have empty columns, and fits end at their last step.
        warnings.simplefilter("ignore")
        try:
            result |= _measured(method, table, size, seed)
        except Exception as error:
            result["error"] = f"{type(error).__name__}: {error}"
    packages = _OF_OURS * (method in OURS) + _OF_PEERS * (method in PEERS) + _OF_ALL
    return result | {"versions": versions(packages)}


def _measured(method, table, size, seed):
    X, y = load(table)
    train, test = split(y, size, seed)
    X_train, X_test = (X.iloc[rows].reset_index(drop=True) for rows in (train, test))
    model = METHODS[method](y[train], seed)
    with memory.growth() as megabytes:
        start = time.perf_counter()
        model.fit(X_train, y[train])
        fitted = time.perf_counter()
        proba = np.asarray(model.predict_proba(X_test), dtype=float)
        predicted = time.perf_counter()
    if proba.shape != (len(test), y.max() + 1):
        raise ValueError(f"probabilities of shape {proba.shape}")
    if not np.isfinite(proba).all():
        raise ValueError("probabilities that are not finite")
    numbers = {
        "fit_seconds": fitted - start,
        "predict_seconds": predicted - fitted,
        "memory": megabytes[0] if megabytes else None,
        **measures(proba, y[test]),
    }
    rounded = {name: _rounded(number) for name, number in numbers.items()}
    return {"rows": len(train), **rounded}


def _rounded(number):
    return None if number is None else float(f"{number:.{_DIGITS}g}")
