"""Runs one case; called in a process of its own."""

import datetime
import importlib
import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version

from speed_cases import CASES
from speed_cases.measure import Comparison
from speed_cases.report import print_record

_PACKAGES = ("sktransfer", "keras", "numpy", "scikeras", "scikit-learn", "tensorflow")


def run_case(name, options):
    """Measure and print a case.

    Parameters
    ----------
    name : str
        Key of CASES.
    options : dict
        Keys repeats and memmap_gb.

    Returns
    -------
    dict
        Keys records, seconds (of the whole case) and environment.
    """
    start = time.perf_counter()
    module = importlib.import_module(f"speed_cases.{CASES[name]}")
    records = []
    for item in getattr(module, name.replace("-", "_"))(options):
        if isinstance(item, Comparison):
            item.measure(options["repeats"])
        records.append(item.as_record())
        print_record(name, records[-1])
    seconds = time.perf_counter() - start
    print(f"{name}: {seconds:.0f} s in all", flush=True)
    return {"records": records, "seconds": seconds, "environment": _environment()}


def _environment():
    return {
        "date": datetime.date.today().isoformat(),
        "cpus": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {package: _version(package) for package in _PACKAGES},
    }


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None
