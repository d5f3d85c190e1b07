"""Arrays of the steps in one call; XLA takes arrays of one size."""

import numpy as np
import tensorflow as tf

# Between calls training can be interrupted. A call with XLA has this many steps, or
# fewer of wide samples.
MAX_STEPS = 256
_XLA_CALL_BYTES = 1 << 22


def steps_per_call(inputs, batch_size):
    """Choose how many steps a call compiled by XLA has.

    Parameters
    ----------
    inputs : list of keras.KerasTensor
        Inputs of the network.
    batch_size : int
        Samples in a batch.

    Returns
    -------
    int
    """
    sample_bytes = sum(
        np.dtype(tensor.dtype).itemsize * np.prod(tensor.shape[1:]) for tensor in inputs
    )
    steps = int(_XLA_CALL_BYTES // (sample_bytes * batch_size))
    return min(max(steps, 1), MAX_STEPS)


def part_of(array, start, stop, n):
    """Return part of an array as a tensor, filled up to `n` rows if `n` is given."""
    part = array[start:stop]
    if n is not None and len(part) < n:
        part = np.empty((n, *array.shape[1:]), array.dtype)
        part[: stop - start] = array[start:stop]
    return tf.constant(part)
