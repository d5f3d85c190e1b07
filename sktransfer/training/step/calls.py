"""Calls with a fixed number of samples, whose results do not depend on each other."""

import numpy as np
import tensorflow as tf

from sktransfer._large_arrays import join

_FLAT_SAMPLES = 192
_SMALL_IMAGE = 128 * 128


def samples_per_call(input_shape):
    """Choose the number of samples of each call; a smaller call is padded.

    All calls have the same shape, so the result of a sample does not depend on the
    other samples or on their number. The number is a multiple of 8, because matrix
    products round the remainder differently. It is as small as the cores allow.

    Parameters
    ----------
    input_shape : tuple
        Shape of the input of a model, samples first.

    Returns
    -------
    int
    """
    if len(input_shape) == 2:
        return _FLAT_SAMPLES
    positions = np.prod([n for n in input_shape[1:-1] if n is not None])
    return 48 if positions <= _SMALL_IMAGE else 8


def run_in_calls(function, arrays, tensors, size):
    """Run a function in calls with a fixed number of samples.

    Parameters
    ----------
    function : callable
        Returns a list of tensors with one row for each sample.
    arrays : list of ndarray of shape (n, ...)
        Arguments of the function.
    tensors : list of keras.KerasTensor
        Their types and numbers of dimensions.
    size : int
        Number of samples in a call, unless all arguments are flat.

    Returns
    -------
    list of ndarray of shape (n, ...)
    """
    n = len(arrays[0])
    if all(len(tensor.shape) == 2 for tensor in tensors):
        size = _FLAT_SAMPLES
    outputs = []
    for start in range(0, n, size):
        rows = [
            cast_like(tensor, array[start : start + size])
            for array, tensor in zip(arrays, tensors, strict=True)
        ]
        n_rows = len(rows[0])
        if n_rows < size:
            rows = [_pad(array, size) for array in rows]
        results = function(*(tf.constant(array) for array in rows))
        outputs.append([result.numpy()[:n_rows] for result in results])
    return join(outputs)


def cast_like(tensor, array):
    """Convert an array to the type of a tensor, without a copy if possible."""
    return np.ascontiguousarray(array, dtype=tensor.dtype)


def _pad(array, size):
    padded = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
    padded[: len(array)] = array
    return padded
