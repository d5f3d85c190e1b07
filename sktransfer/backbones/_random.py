"""Leaving the user's random generators alone while Keras builds something."""

import contextlib
import random
import threading

# One thread at a time, or a thread could save and put back another one's state.
_LOCK = threading.RLock()


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
    with _LOCK:
        state = random.getstate()
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)
