"""Hashes of rows and of weights."""

import weakref

import numpy as np
from xxhash import xxh3_128_digest

from sktransfer._caches import Cache
from sktransfer._large_arrays import take_rows

_HASH_BYTES = 1 << 22
# Size of an entry: the digest and a weak reference.
_ENTRY_BYTES = 300
_digests = Cache("digests of arrays", 1 << 22)


def row_digests(X, index):
    """Hash rows by their content.

    Parameters
    ----------
    X : ndarray of shape (n_rows, ...)
        Rows; their type and shape are not part of the digests.
    index : ndarray of int
        Which of them.

    Returns
    -------
    list of bytes
    """
    row_bytes = X.dtype.itemsize * int(np.prod(X.shape[1:], dtype=int))
    step = max(1, _HASH_BYTES // row_bytes)
    digests = []
    for start in range(0, len(index), step):
        rows = np.ascontiguousarray(take_rows(X, index[start : start + step]))
        data = memoryview(rows.reshape(-1).view(np.uint8))
        digests += [
            xxh3_128_digest(data[i : i + row_bytes])
            for i in range(0, len(data), row_bytes)
        ]
    return digests


def array_digest(array):
    """Hash an array by its content, type and shape.

    Digests of read-only arrays, such as a backbone's weights, are remembered.

    Parameters
    ----------
    array : ndarray
        Any array of numbers.

    Returns
    -------
    bytes
    """
    key = id(array)
    reference, digest = _digests.find(key, (lambda: None, None))
    if reference() is array:
        return digest
    digest = xxh3_128_digest(
        xxh3_128_digest(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
        + repr((array.dtype.str, array.shape)).encode()
    )
    if not array.flags.writeable:
        reference = weakref.ref(array, lambda _: _digests.discard(key))
        _digests.put(key, (reference, digest), _ENTRY_BYTES)
    return digest
