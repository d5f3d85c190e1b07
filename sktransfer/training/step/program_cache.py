"""Cache of programs: one for each architecture, frozen depth, head and dtype."""

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


def get_program(backbone, depth, n_units, dtype, *, from_scratch=False):
    """Return the program of a backbone with a frozen depth and a head.

    Fits that differ only in data, weights or training parameters share a program, so
    nothing is compiled twice.

    Parameters
    ----------
    backbone : Backbone
        Its architecture is used, its weights are not.
    depth : int
        Number of frozen layers with weights.
    n_units : int
        Number of outputs of the head.
    dtype : str
        Floating-point type of all computations.
    from_scratch : bool, default=False
        Whether BatchNormalization learns its statistics. Pretrained statistics are
        kept, as small batches would make them worse.

    Returns
    -------
    Program
    """
    for level in itertools.count():
        key = (backbone.program_key, depth, n_units, dtype, from_scratch, level)
        program = _programs.get(
            key,
            lambda key=key: _make(backbone, *key[1:5]),
            lambda program: program.nbytes,
        )
        # A callback may use another estimator with this program during the training.
        if not program.is_held_by_this_thread:
            return program


def _make(*arguments):
    with preserve_random_state():
        return Program(*arguments)
