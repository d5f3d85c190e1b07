"""Calls of one size, so that a row's result depends on no other row."""

import numpy as np
import tensorflow as tf

_FLAT_ROWS = 192
_SMALL_IMAGE = 128 * 128


def rows_per_call(input_shape):
    """Choose the rows of every call, to which fewer are padded.

    As all calls are alike, a row's result depends neither on the other rows nor on how
    many there are. Multiples of 8 leave no remainder in matrix products, which rounds
    otherwise. A call is to be long enough to keep the cores busy, and no longer.

    Parameters
    ----------
    input_shape : tuple
        Shape of a model's input, rows first.

    Returns
    -------
    int
    """
    if len(input_shape) == 2:
        return _FLAT_ROWS
    positions = np.prod([n for n in input_shape[1:-1] if n is not None])
    return 48 if positions <= _SMALL_IMAGE else 8


def in_calls(function, arrays, tensors, size):
    """Run a function of rows in calls of one size.

    Parameters
    ----------
    function : callable
        Gives a list of tensors with as many rows as it gets.
    arrays : list of ndarray of shape (n, ...)
        Its arguments.
    tensors : list of keras.KerasTensor
        What they are to be, by type and number of dimensions.
    size : int
        Rows of a call, where some argument is not flat.

    Returns
    -------
    list of ndarray of shape (n, ...)
    """
    n = len(arrays[0])
    if all(len(tensor.shape) == 2 for tensor in tensors):
        size = _FLAT_ROWS
    outputs = []
    for start in range(0, n, size):
        rows = [
            as_type_of(tensor, array[start : start + size])
            for array, tensor in zip(arrays, tensors, strict=True)
        ]
        n_rows = len(rows[0])
        if n_rows < size:
            rows = [_pad(array, size) for array in rows]
        results = function(*(tf.constant(array) for array in rows))
        outputs.append([result.numpy()[:n_rows] for result in results])
    if len(outputs) == 1:
        return outputs[0]
    return [np.concatenate(parts) for parts in zip(*outputs, strict=True)]


def as_type_of(tensor, array):
    """Convert an array to a tensor's type; the same array if it has it."""
    return np.ascontiguousarray(array, dtype=tensor.dtype)


def _pad(array, size):
    padded = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
    padded[: len(array)] = array
    return padded
