"""Times of the adaptation methods, as multiples of a fit without adaptation.

    pip install ".[test,benchmark]"
    OMP_NUM_THREADS=1 python tests/benchmarks/method_times.py

All fits are on the same digits with "mlp", and have the same number of epochs. The
first fit of a method compiles its program and does not count; the shortest of the next
two does.
"""

import os
import time
import warnings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from sktransfer import DomainAdaptedClassifier
from sktransfer.adaptation.registry import METHODS
from sktransfer.datasets import load_shifted_digits

_EPOCHS = 30
# They need labels of the target, or BatchNormalization that is not frozen.
_LEFT_OUT = ("mme", "stacking", "adabn", "tent")


def seconds(method, data):
    """Time of a fit."""
    X, y, sample_domain = data
    times = []
    for seed in range(3):
        clf = DomainAdaptedClassifier(
            method=method,
            epochs=_EPOCHS,
            n_iter_no_change=_EPOCHS,
            random_state=seed,
        )
        start = time.perf_counter()
        clf.fit(X, y, sample_domain=sample_domain)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def main():
    """Print a line for each method."""
    warnings.simplefilter("ignore")
    data = load_shifted_digits("translated", random_state=0)
    plain = seconds("source_only", data)
    print(f"source_only {plain:.2f} s")
    for method in METHODS:
        if method not in ("source_only", *_LEFT_OUT):
            print(f"{method:20} {seconds(method, data) / plain:5.1f}", flush=True)


if __name__ == "__main__":
    main()
