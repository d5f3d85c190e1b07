"""One program per architecture, frozen depth, head and dtype in a process."""

import itertools

from sktransfer._caches import Cache
from sktransfer._random import preserve_random_state
from sktransfer.training.step.memory import (
    MAX_PROGRAM_BYTES,
    MIN_ENTRIES,
    RELEASE_BYTES,
    release_memory,
)
from sktransfer.training.step.program import Program
from sktransfer.training.step.trainer_cache import drop_trainers

_programs = Cache(
    "programs",
    MAX_PROGRAM_BYTES,
    on_evict=lambda _, program: drop_trainers(program),
    release=release_memory,
    release_bytes=RELEASE_BYTES,
    min_entries=MIN_ENTRIES,
)


def get_program(backbone, depth, n_classes, dtype, *, from_scratch=False):
    """Return the program of a backbone frozen to a depth, under a head.

    The last used programs are kept, so that fits which differ in data, weights or
    training parameters compile nothing.

    Parameters
    ----------
    backbone : Backbone
        Only its architecture matters.
    depth : int
        Number of frozen weighted layers.
    n_classes : int
        Columns of the head.
    dtype : str
        Floating-point type of all computations.
    from_scratch : bool, default=False
        Whether batch normalization learns its statistics. Pretrained ones are kept:
        a few batches of a few rows would only spoil them.

    Returns
    -------
    Program
    """
    for level in itertools.count():
        key = (backbone.program_key, depth, n_classes, dtype, from_scratch, level)
        program = _programs.get(
            key,
            lambda key=key: _make(backbone, *key[1:5]),
            lambda program: program.nbytes,
        )
        # A callback may use another estimator while its own is being trained.
        if not program.is_held_here:
            return program


def _make(*arguments):
    with preserve_random_state():
        return Program(*arguments)
