"""Feature store: outputs of frozen layers, once for each distinct sample."""

import itertools
import numbers
import os
import threading
import weakref

import numpy as np

from sktransfer._caches import Cache
from sktransfer._large_arrays import as_slice

_VARIABLE = "SKTRANSFER_FEATURE_STORE_BYTES"
_PAGE_BYTES = 1 << 23
# The number of a row has the number of its page and its position there. A page of
# one-byte rows needs 23 bits.
_ROW_BITS = 24
_ROW_MASK = (1 << _ROW_BITS) - 1
# Measured memory of a row in the index, and of a page without its rows.
_INDEX_BYTES = 160
_PAGE_OVERHEAD = 600


class FeatureStore:
    """Cache of the outputs of frozen layers, in memory.

    Each process has one feature store, ``sktransfer.feature_store``. Fits, predictions
    and transforms use it, so the frozen part of a network computes each distinct sample
    once: in all epochs, folds, candidates and estimators. The key is the content of the
    sample, the frozen layers and their weights. Stored outputs have the same bits as
    computed ones.

    If the outputs need more than `max_bytes`, those that were not used for the longest
    time are dropped. Data that need more than `max_bytes` alone are not stored.

    Parameters
    ----------
    max_bytes : int, default=2**29
        Maximum memory in bytes. 0 stores nothing. The environment variable
        ``SKTRANSFER_FEATURE_STORE_BYTES`` sets it for ``sktransfer.feature_store`` when
        the package is loaded, also in worker processes.

    Attributes
    ----------
    max_bytes : int
        Maximum memory in bytes. It can be changed at any time.
    bytes : int
        Memory of the stored outputs and their index, in bytes.
    hits : int
        Number of requested samples that were not computed.
    misses : int
        Number of samples that were computed.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sktransfer import BackboneFeatures, TransferClassifier, feature_store
    >>> X, y = load_digits(return_X_y=True)
    >>> source = TransferClassifier("mlp", epochs=3, random_state=0).fit(
    ...     X[:900], y[:900]
    ... )
    >>> probe = make_pipeline(
    ...     BackboneFeatures(source.backbone_), LogisticRegression(max_iter=1000)
    ... )
    >>> grid = {"logisticregression__C": [0.01, 0.1, 1]}
    >>> feature_store.clear()
    >>> search = GridSearchCV(probe, grid, cv=5).fit(X[900:1000], y[900:1000])
    >>> feature_store.misses
    100
    """

    def __init__(self, max_bytes=1 << 29):
        # Pages by number. All rows of a page are dropped together.
        self._pages = Cache(
            "feature store",
            _check_bytes("max_bytes", max_bytes),
            on_evict=self._forget,
            on_clear=self._reset,
        )
        self._lock = self._pages.lock
        self._page_numbers = itertools.count()
        self._computing = weakref.WeakValueDictionary()
        self._reset()

    def clear(self):
        """Drop all outputs and reset `hits` and `misses`."""
        self._pages.clear()

    def _reset(self):
        self._index = {}
        self.hits = self.misses = 0

    @property
    def max_bytes(self):
        """Maximum memory in bytes; 0 stores nothing."""
        return self._pages.max_bytes

    @max_bytes.setter
    def max_bytes(self, value):
        value = _check_bytes("max_bytes", value)
        with self._lock:
            self._pages.max_bytes = value

    @property
    def bytes(self):
        """Memory of the stored outputs and their index, in bytes."""
        return self._pages.bytes

    def __repr__(self):
        return (
            f"FeatureStore(max_bytes={self.max_bytes}, bytes={self.bytes}, "
            f"hits={self.hits}, misses={self.misses})"
        )

    def has_room(self, n_rows, row_bytes):
        """Return whether a number of rows fits into an empty store."""
        # Pages may be half full, and the last one less.
        n_pages = 1 + 2 * n_rows * row_bytes // _PAGE_BYTES
        needed = n_rows * (row_bytes + _INDEX_BYTES) + n_pages * _PAGE_OVERHEAD
        return needed <= self.max_bytes

    def gather(self, space, digests, compute, *, page_rows, keep=True, folder=None):
        """Return outputs from memory, from a folder, or by computing them.

        Parameters
        ----------
        space : hashable
            Everything that outputs depend on, except the sample.
        digests : list of bytes
            Digest of each sample.
        compute : callable
            Called with an ndarray of positions in `digests`. Returns a list of arrays
            with one row for each position. Each distinct sample is computed once.
        page_rows : int
            Maximum number of samples to compute together.
        keep : bool, default=True
            Whether to store the outputs for later calls.
        folder : FeatureFolder or None
            Folder to read outputs from, and to write computed ones to.

        Returns
        -------
        PagedOutputs
        """
        ids, pages = self._find(space, digests)
        missing = np.flatnonzero(ids < 0)
        n_computed = 0
        if len(missing):
            first = {}
            for position in missing.tolist():
                first.setdefault(digests[position], position)

            def add(positions, digests, arrays):
                added = self._add(space, digests, arrays, keep)
                pages.update((number, page) for number, page, _ in added)
                ids[positions] = np.concatenate([part for _, _, part in added])

            if folder is not None:
                for part, arrays in folder.read(list(first), page_rows):
                    add([first[digest] for digest in part], part, arrays)
            left = np.fromiter(first.values(), np.int64, len(first))
            left = left[ids[left] < 0]
            for start in range(0, len(left), page_rows):
                positions = left[start : start + page_rows]
                with self._computing_lock(space):
                    # Another thread may have computed some of them.
                    part = [digests[i] for i in positions.tolist()]
                    ids[positions], more = self._find(space, part)
                    if more:
                        pages |= more
                        positions = positions[ids[positions] < 0]
                        part = [digests[i] for i in positions.tolist()]
                    if part:
                        arrays = compute(positions)
                        add(positions, part, arrays)
                        n_computed += len(part)
                        if folder is not None:
                            folder.write(part, arrays)
            if len(first) < len(missing):
                again = missing[ids[missing] < 0]
                ids[again] = ids[[first[digests[i]] for i in again.tolist()]]
        with self._lock:
            self.misses += n_computed
            self.hits += len(digests) - n_computed
        return PagedOutputs(pages, ids)

    def _computing_lock(self, space):
        """Return the lock for computing outputs of a space."""
        with self._lock:
            return self._computing.setdefault(space, threading.Lock())

    def _find(self, space, digests):
        """Return the number of each row (-1 if it is not stored) and their pages."""
        with self._lock:
            index = self._index.get(space, {})
            ids = np.fromiter(
                map(index.get, digests, itertools.repeat(-1)), np.int64, len(digests)
            )
            numbers = ids[ids >= 0] >> _ROW_BITS
            # Rows that follow each other are mostly in one page.
            first = np.flatnonzero(np.diff(numbers, prepend=-1))
            pages = {}
            for number in np.unique(numbers[first]).tolist():
                pages[number] = self._pages.find(number).arrays
        return ids, pages

    def _add(self, space, digests, arrays, keep):
        """Make pages of outputs; return the number, arrays and row ids of each."""
        n = len(digests)
        nbytes = sum(array.nbytes for array in arrays)
        size = max(1, _PAGE_BYTES * n // max(nbytes, 1))
        added = []
        for start in range(0, n, size):
            part = digests[start : start + size]
            # A view would keep the whole base array in memory.
            own = [
                array
                if array.base is None and n <= size
                else array[start : start + size].copy()
                for array in arrays
            ]
            for array in own:
                array.flags.writeable = False
            with self._lock:
                number = next(self._page_numbers)
                ids = _row_ids(number, len(part))
                if keep:
                    page = _Page(space, part, own)
                    index = self._index.setdefault(space, {})
                    index.update(zip(part, ids.tolist(), strict=True))
                    self._pages.put(number, page, page.nbytes)
            added.append((number, own, ids))
        return added

    def _forget(self, number, page):
        """Remove the rows of a page from the index; the caller holds the lock."""
        index = self._index.get(page.space, {})
        for digest in page.digests:
            # Two threads that read a row at once put it into two pages.
            if index.get(digest, -1) >> _ROW_BITS == number:
                del index[digest]
        if not index:
            self._index.pop(page.space, None)


class _Page:
    """Rows that are stored together and dropped together."""

    def __init__(self, space, digests, arrays):
        self.space, self.digests, self.arrays = space, digests, arrays
        self.nbytes = _PAGE_OVERHEAD + _INDEX_BYTES * len(digests)
        self.nbytes += sum(array.nbytes for array in arrays)


class PagedOutputs:
    """Outputs of samples, whose rows are in pages.

    The pages stay in this object after the store drops them.

    Parameters
    ----------
    pages : dict
        Lists of arrays by page number.
    ids : ndarray of int64
        Page and position of the row of each sample.
    """

    def __init__(self, pages, ids):
        self.pages, self.ids = pages, ids

    @classmethod
    def from_blocks(cls, blocks):
        """Make an object of outputs that were computed in order."""
        pages = dict(enumerate(blocks))
        ids = [_row_ids(number, len(block[0])) for number, block in pages.items()]
        return cls(pages, np.concatenate(ids))

    @classmethod
    def joined(cls, parts):
        """Concatenate other objects of this class."""
        pages = {number: page for part in parts for number, page in part.pages.items()}
        return cls(pages, np.concatenate([part.ids for part in parts]))

    def take(self, chosen=slice(None)):
        """Return the outputs of some samples.

        Parameters
        ----------
        chosen : ndarray of int or slice
            Positions of the samples.

        Returns
        -------
        list of ndarray
            Views if possible, so they must not be changed.
        """
        ids = self.ids[chosen]
        numbers, rows = ids >> _ROW_BITS, ids & _ROW_MASK
        if (numbers == numbers[0]).all():
            rows = as_slice(rows)
            return [array[rows] for array in self.pages[int(numbers[0])]]
        order = np.argsort(numbers, kind="stable")
        starts = np.flatnonzero(np.diff(numbers[order])) + 1
        outputs = None
        for positions in np.split(order, starts):
            arrays = self.pages[int(numbers[positions[0]])]
            if outputs is None:
                outputs = [np.empty((len(ids), *a.shape[1:]), a.dtype) for a in arrays]
            source, target = as_slice(rows[positions]), as_slice(positions)
            for output, array in zip(outputs, arrays, strict=True):
                output[target] = array[source]
        return outputs


def _row_ids(number, n):
    return (number << _ROW_BITS) + np.arange(n)


def _check_bytes(name, value):
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        if value >= 0:
            return int(value)
        raise ValueError(f"{name}={value!r} is negative; expected an int of 0 or more.")
    raise TypeError(
        f"{name}={value!r} is of type {type(value).__name__}; expected an int of 0 or "
        "more, a number of bytes."
    )


def _initial_bytes():
    text = os.environ.get(_VARIABLE, str(1 << 29))
    if not text.isdecimal():
        raise ValueError(
            f"The environment variable {_VARIABLE}={text!r} is not valid; expected a "
            "number of bytes, 0 or more."
        )
    return int(text)


feature_store = FeatureStore(_initial_bytes())
