"""Memory of programs and trainers: estimates, bounds, and how it is given back."""

import contextlib
import ctypes
import gc

import numpy as np

from sktransfer.training.step.xla_code import XLA_CODE

MAX_PROGRAM_BYTES = 150_000_000
MAX_TRAINER_BYTES = 300_000_000
# A search over a few frozen depths of a large network compiles nothing twice.
MIN_ENTRIES = 3
# How much is dropped before memory is asked back, which takes about half a second.
RELEASE_BYTES = 50_000_000

# Resident memory that TensorFlow 2.21 keeps on a CPU beside the values of variables.
# Measured on networks of 2 and of 10 dense layers: for each operation of a network; for
# a trainer and each variable that it trains with AdamW, with and without XLA.
_PROGRAM_BYTES, _OPERATION_BYTES = 500_000, 400_000
_TRAINER_BYTES, _WEIGHT_BYTES = 4_000_000, 700_000
_XLA_TRAINER_BYTES, _XLA_WEIGHT_BYTES = 14_000_000, 1_200_000


def program_bytes(operations, variables):
    """Estimate the memory of a program, in bytes.

    Parameters
    ----------
    operations : list of keras.Operation
        Layers and other operations of its network.
    variables : list of keras.Variable
        Those of the network and of the head.

    Returns
    -------
    int
    """
    code = _PROGRAM_BYTES + _OPERATION_BYTES * len(operations)
    return code + _value_bytes(variables)


def trainer_bytes(weights, variables, with_xla):
    """Estimate the memory of a trainer, in bytes.

    Parameters
    ----------
    weights : list of keras.Variable
        Those that it trains; they belong to the program.
    variables : list of keras.Variable
        Those that belong to the trainer, such as the moments of the optimizer.
    with_xla : bool
        Whether XLA compiles it.

    Returns
    -------
    int
    """
    if with_xla:
        code = _XLA_TRAINER_BYTES + _XLA_WEIGHT_BYTES * len(weights)
    else:
        code = _TRAINER_BYTES + _WEIGHT_BYTES * len(weights)
    return code + _value_bytes(variables)


def _value_bytes(variables):
    return sum(
        int(np.prod(variable.shape)) * np.dtype(variable.dtype).itemsize
        for variable in variables
    )


def release_memory():
    """Give the memory of dropped programs and trainers back to the system."""
    # Networks of Keras consist of cycles.
    gc.collect()
    XLA_CODE.drop()
    # Only glibc has it.
    with contextlib.suppress(AttributeError, TypeError):
        # It keeps what lies between smaller pieces that are still used.
        ctypes.CDLL(None).malloc_trim(0)
