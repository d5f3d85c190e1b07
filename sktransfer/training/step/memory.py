"""Memory of programs and trainers: estimates and release."""

import contextlib
import ctypes
import gc

import numpy as np

from sktransfer.training.step.xla_code import XLA_CODE

# Resident memory of TensorFlow 2.21 on a CPU, without the values of variables. Measured
# on networks of 2 and 10 dense layers: for a program and each operation; for a trainer
# and each variable that it trains with AdamW, with and without XLA.
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
        Variables of the network and of the head.

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
        Variables of the program that it trains.
    variables : list of keras.Variable
        Variables of the trainer, such as moments of the optimizer.
    with_xla : bool
        Whether XLA compiles the steps.

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
    """Return the memory of dropped programs and trainers to the system."""
    # Keras networks have reference cycles.
    gc.collect()
    XLA_CODE.drop()
    # Only glibc has this function.
    with contextlib.suppress(AttributeError, TypeError):
        # It also returns free memory between blocks that are in use.
        ctypes.CDLL(None).malloc_trim(0)
