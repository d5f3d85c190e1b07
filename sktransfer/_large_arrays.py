"""Read arrays that are larger than memory, and put results together."""

import contextlib
import mmap

import numpy as np

# In the mode "c", changes are in memory only, so that its pages must stay.
_SHARED_MODES = ("r", "r+", "w+")
_BLOCK_BYTES = 1 << 24
# Memory that a single row may need, when the system reads a huge page for it.
_PAGE_BYTES = 1 << 21
_GATHER_BYTES = 1 << 27


def release(X):
    """Release the memory of a np.memmap; its data are read again when needed.

    Nothing happens to other arrays, and to a memmap whose changes are not written to
    the file (mode "c").

    Parameters
    ----------
    X : ndarray
        Any array; a np.memmap or a view of one is released.
    """
    mapping = _mapping(X)
    if mapping is not None:
        # Locked pages cannot be released, which is no problem.
        with contextlib.suppress(OSError):
            mapping.madvise(mmap.MADV_DONTNEED)


def is_mapped(X):
    """Return whether an array is a np.memmap, or a view of one, that can be released.

    Parameters
    ----------
    X : ndarray
        Array.
    """
    return _mapping(X) is not None


def _mapping(X):
    """Return the mapped file of an array; None if it cannot be released."""
    mode = None
    while isinstance(X, np.ndarray):
        mode = getattr(X, "mode", None)
        X = X.base
    if (
        isinstance(X, mmap.mmap)
        and mode in _SHARED_MODES
        and hasattr(mmap, "MADV_DONTNEED")
    ):
        return X
    return None


def blocks(X, n_rows=None):
    """Cut an array into blocks of rows; release each block of a memmap after use.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Array.
    n_rows : int or None, default=None
        Number of rows in a block; None gives blocks of about 16 megabytes.

    Yields
    ------
    ndarray of shape (n_rows, ...)
        A view; the last block may have fewer rows.
    """
    step = n_rows or max(1, _BLOCK_BYTES * len(X) // max(1, X.nbytes))
    for start in range(0, len(X), step):
        yield X[start : start + step]
        release(X)


def take_rows(X, index):
    """Select rows of an array; release the memory of a memmap after copying.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Array.
    index : ndarray of shape (n_rows,), int
        Positions of the rows.

    Returns
    -------
    ndarray of shape (n_rows, ...)
        A view if X is in memory and the rows are consecutive, otherwise a copy.
    """
    index = as_slice(index)
    if _mapping(X) is None:
        return X[index]
    if isinstance(index, slice):
        rows = X[index].copy()
        release(X)
        return rows
    rows = np.empty((len(index), *X.shape[1:]), dtype=X.dtype)
    step = max(1, _GATHER_BYTES // (X[:1].nbytes + _PAGE_BYTES))
    for start in range(0, len(index), step):
        part = slice(start, start + step)
        rows[part] = X[index[part]]
        release(X)
    return rows


def as_slice(index):
    """Turn consecutive positions into a slice, which needs no copy."""
    n = len(index)
    if n and index[-1] - index[0] == n - 1 and (np.diff(index) == 1).all():
        return slice(int(index[0]), int(index[0]) + n)
    return index


def stack(parts, n):
    """Concatenate parts along the first axis; only one part is in memory twice.

    Parameters
    ----------
    parts : iterable of list of ndarray of shape (n_rows, ...)
        Parts, each with the same number of arrays.
    n : int
        Number of rows of all parts together.

    Returns
    -------
    list of ndarray of shape (n, ...)
    """
    results, start = None, 0
    for arrays in parts:
        if results is None:
            results = [np.empty((n, *a.shape[1:]), dtype=a.dtype) for a in arrays]
        end = start + len(arrays[0])
        for array, result in zip(arrays, results, strict=True):
            result[start:end] = array
        start = end
    return results


def join(parts):
    """Concatenate lists of arrays, array by array; a single list is not copied."""
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
