"""Resident memory over many fits in one process."""

import gc

import numpy as np
import psutil

from sktransfer import TransferClassifier
from speed_cases.measure import Curve, Quantity
from speed_cases.networks import (
    dense_backbone,
    dense_network,
    digits,
    mobilenet,
    mobilenet_backbone,
    textures,
    with_head,
)
from speed_cases.process import in_fresh_process

_SIZE = 64
# Fits to warm up, fits counted, and how often memory is noted: ours, then Keras's.
_PLANS = {
    "dense network": ((20, 300, 30), (5, 30, 3)),
    "MobileNetV2": ((5, 30, 5), (1, 5, 1)),
}


def memory(options):
    """Memory that fits add after a warm-up; a Keras model a fit for contrast."""
    for network, (ours, theirs) in _PLANS.items():
        fits, megabytes = in_fresh_process("memory:grow", network, True, *ours)
        yield Curve(f"memory, {network}", "sktransfer", fits, megabytes)
        yield Quantity(
            f"memory added by {ours[1]} fits of {network}", megabytes[-1], "MB", goal=20
        )
        fits, megabytes = in_fresh_process("memory:grow", network, False, *theirs)
        yield Curve(f"memory, {network}", "a Keras model a fit", fits, megabytes)
        yield Quantity(
            f"the same with a Keras model a fit, {network}",
            megabytes[-1] * ours[1] / theirs[1],
            "MB",
            note=f"{theirs[1]} fits, scaled to {ours[1]}",
        )


def grow(network, with_ours, n_warm_up, n_fits, every):
    """Fit again and again in this process.

    Returns
    -------
    fits : list of int
        Numbers of fits after the warm-up.
    megabytes : list of float
        Resident memory added since then.
    """
    small = network == "dense network"
    X, y = digits(5, 9) if small else textures(64, _SIZE)
    fit = _fit_ours if with_ours else _fit_keras
    for i in range(n_warm_up):
        fit(small, X, y, i)
    start = _resident()
    fits, megabytes = [0], [0.0]
    for i in range(n_warm_up, n_warm_up + n_fits):
        fit(small, X, y, i)
        done = i + 1 - n_warm_up
        if done % every == 0:
            fits.append(done)
            megabytes.append((_resident() - start) / 1e6)
    return fits, megabytes


def _resident():
    gc.collect()
    return psutil.Process().memory_info().rss


def _rate(i):
    return float(np.geomspace(1e-4, 1e-2, 7)[i % 7])


def _fit_ours(small, X, y, i):
    """A fit as in a search: rates and depths change from one to the next."""
    TransferClassifier(
        dense_backbone() if small else mobilenet_backbone(_SIZE),
        recipe="full",
        frozen_depth=i % 3 if small else 0.5,
        learning_rate=_rate(i),
        epochs=2,
        random_state=i,
    ).fit(X, y).predict(X)


def _fit_keras(small, X, y, i):
    model = with_head(
        dense_network() if small else mobilenet(_SIZE), 6, learning_rate=_rate(i)
    )
    model.fit(X, y % 5 if small else y, batch_size=32, epochs=2, verbose=0)
    model.predict(X, verbose=0)
