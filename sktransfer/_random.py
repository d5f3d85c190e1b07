"""Random generators that leave the global random state as it is."""

import contextlib
import random
import threading

import numpy as np

from sktransfer._caches import BUILDING

# Seconds from one attempt to acquire a lock to the next.
_WAIT = 0.01


@contextlib.contextmanager
def preserve_random_state(seed=0):
    """Seed Python's global generator, and put its state back afterwards.

    Keras draws from it for each layer and initializer whose seed is None. So
    what is built inside depends on nothing that ran before.

    Parameters
    ----------
    seed : int, default=0
        The seed in the meantime.
    """
    # One thread at a time, or a thread could save and restore another one's state.
    with BUILDING:
        state = random.getstate()
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)


@contextlib.contextmanager
def acquired(lock):
    """Hold a lock, and let other threads build while this one waits for it.

    A function of the user that builds a network may predict with another one. Then
    this thread holds BUILDING and waits for a lock, whose holder may need BUILDING.

    Parameters
    ----------
    lock : threading.Lock
        The lock.
    """
    building = threading.Condition(BUILDING)
    while not lock.acquire(blocking=False):
        state = random.getstate()
        try:
            # This releases BUILDING and acquires it again.
            building.wait(_WAIT)
        except RuntimeError:
            # This thread does not hold it.
            lock.acquire()
            break
        random.setstate(state)
    try:
        yield
    finally:
        lock.release()


def make_rng(random_state):
    """Make a NumPy Generator from a random_state, leaving global state alone.

    Parameters
    ----------
    random_state : None, int or numpy.random.RandomState
        None gives fresh entropy; an instance is advanced by one draw.

    Returns
    -------
    numpy.random.Generator
    """
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(np.iinfo(np.int32).max)
    return np.random.default_rng(random_state)
