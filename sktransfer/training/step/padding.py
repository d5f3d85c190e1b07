"""Arrays for the steps of one call; XLA needs arrays of a fixed size."""

import numpy as np

# Maximum number of steps in a call; a user can interrupt training between calls.
MAX_STEPS = 256
_XLA_CALL_BYTES = 1 << 22


def steps_per_call(inputs, batch_size):
    """Choose the number of steps in a call that XLA compiles.

    Parameters
    ----------
    inputs : list of keras.KerasTensor
        Inputs of the network.
    batch_size : int
        Number of samples in a batch.

    Returns
    -------
    int
    """
    sample_bytes = sum(
        np.dtype(tensor.dtype).itemsize * np.prod(tensor.shape[1:]) for tensor in inputs
    )
    steps = int(_XLA_CALL_BYTES // (sample_bytes * batch_size))
    return min(max(steps, 1), MAX_STEPS)


def pad_steps(array, n):
    """Lengthen an array to `n` steps, unless that is None. New steps have no values."""
    if n is None or len(array) == n:
        return array
    padded = np.empty((n, *array.shape[1:]), array.dtype)
    padded[: len(array)] = array
    return padded
