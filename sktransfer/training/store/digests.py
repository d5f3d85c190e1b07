"""Hashes of samples and of arrays of weights."""

import weakref

import numpy as np
from xxhash import xxh3_128_digest

from sktransfer._caches import Cache
from sktransfer._large_arrays import blocks, take_rows

_HASH_BYTES = 1 << 22
# Size of an entry: the digest and a weak reference.
_ENTRY_BYTES = 300
_digests = Cache("digests of arrays", 1 << 22)


def sample_digests(X, index):
    """Hash samples by their content.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        Samples. Their type and shape do not change the hashes.
    index : ndarray of int
        Positions of the samples to hash.

    Returns
    -------
    list of bytes
    """
    sample_bytes = X.dtype.itemsize * int(np.prod(X.shape[1:], dtype=int))
    step = max(1, _HASH_BYTES // sample_bytes)
    digests = []
    for part in blocks(index, step):
        rows = np.ascontiguousarray(take_rows(X, part))
        data = memoryview(rows.reshape(-1).view(np.uint8))
        digests += [
            xxh3_128_digest(data[i : i + sample_bytes])
            for i in range(0, len(data), sample_bytes)
        ]
    return digests


def array_digest(array):
    """Hash an array by its content, type and shape.

    Hashes of read-only arrays, such as the weights of a backbone, are cached.

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
        # Arrays may outlive the global variables of this module.
        discard = _digests.discard
        reference = weakref.ref(array, lambda _: discard(key))
        _digests.put(key, (reference, digest), _ENTRY_BYTES)
    return digest
