"""Arrays larger than memory: reading them from a file, putting results together."""

import contextlib
import mmap

import numpy as np

# Pages of other modes hold changes that are nowhere else.
_SHARED_MODES = ("r", "r+", "w+")
_BLOCK_BYTES = 1 << 24
# Rows far apart are read in blocks too. Each of them may map a huge page.
_PAGE_BYTES = 1 << 21
_GATHER_BYTES = 1 << 27


def release(X):
    """Let go of the memory that holds what was read from a file.

    What is needed again is read again. Arrays that are not np.memmap or views of one,
    and memmaps whose changes are not written to the file (mode "c"), stay as they are.

    Parameters
    ----------
    X : ndarray
        Any array.
    """
    mapping = _mapping(X)
    if mapping is not None:
        # Locked pages stay, which does no harm.
        with contextlib.suppress(OSError):
            mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(X):
    """Return the mapped file under an array, if its pages can be let go."""
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
    """Cut an array into blocks of rows; those of a file are let go after use.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Rows.
    n_rows : int or None
        Rows of a block; by default some megabytes.

    Yields
    ------
    ndarray of shape (n_rows, ...)
        A view.
    """
    step = n_rows or max(1, _BLOCK_BYTES * len(X) // max(1, X.nbytes))
    for start in range(0, len(X), step):
        yield X[start : start + step]
        release(X)


def take_rows(X, index):
    """Take some rows of an array; those of a file are let go as they are copied.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Rows.
    index : ndarray of shape (n_rows,), int
        Which ones, in the order wanted.

    Returns
    -------
    ndarray of shape (n_rows, ...)
        A view where they follow one another in memory.
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
    """Turn positions that follow one another into a slice, which copies nothing."""
    n = len(index)
    if n and index[-1] - index[0] == n - 1 and (np.diff(index) == 1).all():
        return slice(int(index[0]), int(index[0]) + n)
    return index


def stack(parts, n):
    """Put parts together along the first axis, without holding all of them twice.

    Parameters
    ----------
    parts : iterable of list of ndarray of shape (n_rows, ...)
        The same number of arrays in each.
    n : int
        Number of rows of all parts.

    Returns
    -------
    list of ndarray of shape (n, ...)
    """
    whole, start = None, 0
    for arrays in parts:
        if whole is None:
            whole = [np.empty((n, *a.shape[1:]), dtype=a.dtype) for a in arrays]
        end = start + len(arrays[0])
        for array, target in zip(arrays, whole, strict=True):
            target[start:end] = array
        start = end
    return whole
