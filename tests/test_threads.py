"""Whose number of threads counts; real workers are in the integration tests."""

import multiprocessing

import pytest
from tensorflow.config import threading

from sktransfer._threads import limit_worker_threads


class LokyProcess:
    """Goes for a worker of joblib."""


@pytest.fixture
def settings(monkeypatch):
    """Stand in for TensorFlow's numbers of threads, in a worker that may use 3."""
    settings = {"intra": 0, "inter": 0}
    for kind in settings:
        name = f"{kind}_op_parallelism_threads"
        monkeypatch.delenv(f"TF_NUM_{kind.upper()}OP_THREADS", raising=False)
        monkeypatch.setattr(threading, f"get_{name}", lambda kind=kind: settings[kind])
        monkeypatch.setattr(
            threading, f"set_{name}", lambda n, kind=kind: settings.update({kind: n})
        )
    monkeypatch.setattr(multiprocessing, "current_process", LokyProcess)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    return settings


def test_a_worker_uses_what_joblib_gives(settings):
    limit_worker_threads()
    assert settings == {"intra": 3, "inter": 3}


def test_the_users_numbers_stay(settings, monkeypatch):
    settings["intra"] = 5
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "2")
    limit_worker_threads()
    assert settings == {"intra": 5, "inter": 0}


@pytest.mark.parametrize("given", [None, "many"])
def test_nothing_given(settings, monkeypatch, given):
    if given is None:
        monkeypatch.delenv("OMP_NUM_THREADS")
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    limit_worker_threads()
    assert settings == {"intra": 0, "inter": 0}


def test_another_process_is_left_alone(settings, monkeypatch):
    monkeypatch.undo()
    before = threading.get_intra_op_parallelism_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    limit_worker_threads()
    assert threading.get_intra_op_parallelism_threads() == before


def test_tensorflow_that_has_started(settings, monkeypatch):
    def refuse(n):
        raise RuntimeError("cannot be modified after initialization")

    monkeypatch.setattr(threading, "set_intra_op_parallelism_threads", refuse)
    limit_worker_threads()
    assert settings == {"intra": 0, "inter": 3}
