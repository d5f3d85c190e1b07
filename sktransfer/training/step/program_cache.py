"""One program per architecture, frozen depth, head and dtype in a process."""

import collections
import itertools
import threading

from sktransfer._random import preserve_random_state
from sktransfer.training.step.program import Program

_MAX_PROGRAMS = 64
_programs = collections.OrderedDict()
_programs_lock = threading.Lock()


def get_program(backbone, depth, n_classes, dtype, *, from_scratch=False):
    """Return the program of a backbone frozen to a depth, under a head.

    Programs are kept for the whole process, the last used ones first, so that
    fits which differ in data, weights or training parameters compile nothing.

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
        program = _find(key, backbone)
        # A callback may use another estimator while its own is being trained.
        if not program.is_held_here:
            return program


def _find(key, backbone):
    with _programs_lock:
        if key in _programs:
            _programs.move_to_end(key)
            return _programs[key]
    # The lock on the random state comes first wherever both are held.
    with preserve_random_state(), _programs_lock:
        if key not in _programs:
            _programs[key] = Program(backbone, *key[1:5])
            while len(_programs) > _MAX_PROGRAMS:
                _programs.popitem(last=False)
        return _programs[key]
