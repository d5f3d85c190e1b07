"""Feature store: outputs of frozen layers, one per distinct row, for all fits."""

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
# A row's number is that of its page and its place there; a page of one-byte rows
# needs 23 bits.
_ROW_BITS = 24
_ROW_MASK = (1 << _ROW_BITS) - 1
# What a row takes in the index, and a page besides its rows, measured.
_INDEX_BYTES = 160
_PAGE_OVERHEAD = 600


class FeatureStore:
    """Outputs of frozen layers, kept in memory for whoever asks for them next.

    Each process has one, ``sktransfer.feature_store``. Fits, predictions and
    transforms look there first, so the frozen part of a network runs once for each
    distinct row, whatever fold, candidate, estimator or epoch the row is in. A row
    goes by its content, and only meets the outputs of the same layers with the same
    weights. What is found has the same bits as what would be computed.

    Rows that were not used for longest make way when there are more than
    `max_bytes`. What does not fit in at all is computed without the store.

    Parameters
    ----------
    max_bytes : int, default=2**29
        Bound on `bytes`; 0 keeps nothing. For ``sktransfer.feature_store`` the
        environment variable ``SKTRANSFER_FEATURE_STORE_BYTES`` sets it at the start,
        in worker processes too.

    Attributes
    ----------
    max_bytes : int
        Can be set at any time.
    bytes : int
        What the kept outputs and their index take.
    hits : int
        How many times a row was asked for and not computed.
    misses : int
        How many rows were computed.

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
        # Pages by number; a page leaves with all of its rows.
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
        """Drop all rows, and count from 0 again."""
        self._pages.clear()

    def _reset(self):
        self._index = {}
        self._hits = self._misses = 0

    @property
    def max_bytes(self):
        """Bound on `bytes`; 0 keeps nothing."""
        return self._pages.max_bytes

    @max_bytes.setter
    def max_bytes(self, value):
        self._pages.max_bytes = _check_bytes("max_bytes", value)

    @property
    def bytes(self):
        """What the kept outputs and their index take."""
        return self._pages.bytes

    @property
    def hits(self):
        """How many times a row was asked for and not computed."""
        return self._hits

    @property
    def misses(self):
        """How many rows were computed."""
        return self._misses

    def __repr__(self):
        return (
            f"FeatureStore(max_bytes={self.max_bytes}, bytes={self.bytes}, "
            f"hits={self.hits}, misses={self.misses})"
        )

    def has_room(self, n_rows, row_bytes):
        """Whether so many rows fit in, if nothing else is kept."""
        # Pages of up to half their size, and one that is not full.
        n_pages = 1 + 2 * n_rows * row_bytes // _PAGE_BYTES
        needed = n_rows * (row_bytes + _INDEX_BYTES) + n_pages * _PAGE_OVERHEAD
        return needed <= self.max_bytes

    def gather(self, space, digests, compute, *, page_rows, keep=True, folder=None):
        """Give rows, from memory, from a folder or by computing them.

        Parameters
        ----------
        space : hashable
            What the outputs depend on besides the row's content.
        digests : list of bytes
            From :func:`~sktransfer.training.store.digests.row_digests`.
        compute : callable
            Takes positions in `digests`, an ndarray of int, and gives the outputs: a
            list of arrays with one row for each. No digest is computed twice.
        page_rows : int
            Greatest number of rows to compute together.
        keep : bool, default=True
            Whether later calls shall find what this one reads or computes.
        folder : FeatureFolder or None
            Where rows are read from, and written to when they are computed.

        Returns
        -------
        Gathered
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
                with self._alone_in(space):
                    # Another thread may have computed some of them in the meantime.
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
            self._misses += n_computed
            self._hits += len(digests) - n_computed
        return Gathered(pages, ids)

    def _alone_in(self, space):
        """Return the lock of who computes rows of a space."""
        with self._lock:
            return self._computing.setdefault(space, threading.Lock())

    def _find(self, space, digests):
        """Return the number of each row, -1 for unknown ones, and their pages."""
        with self._lock:
            index = self._index.get(space, {})
            ids = np.fromiter(
                map(index.get, digests, itertools.repeat(-1)), np.int64, len(digests)
            )
            numbers = ids[ids >= 0] >> _ROW_BITS
            # Neighbors mostly lie in one page.
            first = np.flatnonzero(np.diff(numbers, prepend=-1))
            pages = {}
            for number in np.unique(numbers[first]).tolist():
                pages[number] = self._pages.find(number).arrays
        return ids, pages

    def _add(self, space, digests, arrays, keep):
        """Make pages of computed rows; return number, arrays and row ids of each."""
        n = len(digests)
        nbytes = sum(array.nbytes for array in arrays)
        size = max(1, _PAGE_BYTES * n // max(nbytes, 1))
        added = []
        for start in range(0, n, size):
            part = digests[start : start + size]
            # A view would keep all of its base in memory.
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
        """Remove the rows of a page from the index."""
        index = self._index.get(page.space, {})
        for digest in page.digests:
            # A row that was read by two threads at once is in two pages.
            if index.get(digest, -1) >> _ROW_BITS == number:
                del index[digest]
        if not index:
            self._index.pop(page.space, None)


class _Page:
    """Rows that were computed together, and leave the store together."""

    def __init__(self, space, digests, arrays):
        self.space, self.digests, self.arrays = space, digests, arrays
        self.nbytes = _PAGE_OVERHEAD + _INDEX_BYTES * len(digests)
        self.nbytes += sum(array.nbytes for array in arrays)


class Gathered:
    """Rows that lie in pages, in the order in which they were asked for.

    They stay here when the store lets their pages go.

    Parameters
    ----------
    pages : dict
        Lists of arrays by number.
    ids : ndarray of int64
        Page and place of each row.
    """

    def __init__(self, pages, ids):
        self.pages, self.ids = pages, ids

    @classmethod
    def of_blocks(cls, blocks):
        """Put together rows that were computed in order, as lists of arrays."""
        pages = dict(enumerate(blocks))
        ids = [_row_ids(number, len(block[0])) for number, block in pages.items()]
        return cls(pages, np.concatenate(ids))

    @classmethod
    def joined(cls, parts):
        """Put the rows of others one after the other."""
        pages = {number: page for part in parts for number, page in part.pages.items()}
        return cls(pages, np.concatenate([part.ids for part in parts]))

    def take(self, chosen=slice(None)):
        """Return some rows.

        Parameters
        ----------
        chosen : ndarray of int or slice
            Positions, in the order wanted.

        Returns
        -------
        list of ndarray
            Not to be written to; views where possible.
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
            f"The environment variable {_VARIABLE}={text!r} is not usable; expected a "
            "number of bytes, 0 or more."
        )
    return int(text)


feature_store = FeatureStore(_initial_bytes())
