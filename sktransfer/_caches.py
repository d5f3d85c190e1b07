"""Caches of the process: each has a name, a bound in bytes and a lock."""

import collections
import functools
import threading
from operator import attrgetter
from typing import NamedTuple

# Held while something is built for a cache, and while Keras builds layers. A thread
# that holds it may take the lock of a cache, and never the other way round. It waits
# for other locks by `acquired` of `_random.py`.
BUILDING = threading.RLock()
# Held while the machine code of XLA is counted as used, or dropped.
XLA_LOCK = threading.Lock()
_caches = {}


class CacheInfo(NamedTuple):
    """State of one cache.

    Attributes
    ----------
    name : str
        What the cache holds.
    entries : int
        Number of entries.
    bytes : int
        Memory that the entries take, in bytes.
    max_bytes : int
        Bound on `bytes`.
    """

    name: str
    entries: int
    bytes: int
    max_bytes: int


class Cache:
    """Values by key; the least recently used ones are evicted.

    Parameters
    ----------
    name : str
        What the cache holds; unique in the process.
    max_bytes : int
        Bound on the bytes of all entries. A larger value is not kept, unless
        `min_entries` says so.
    on_evict : callable or None, default=None
        Called with the key and the value of each entry that makes way, after the lock
        is released.
    on_clear : callable or None, default=None
        Called when all entries are dropped, while the lock is held.
    release : callable or None, default=None
        Called without arguments after entries of `release_bytes` bytes were dropped,
        and by :meth:`clear`. It gives memory back that Python does not free by itself.
    release_bytes : int, default=0
        See `release`.
    min_entries : int, default=0
        The last used entries of this number are kept, whatever their size.
    """

    def __init__(
        self,
        name,
        max_bytes,
        *,
        on_evict=None,
        on_clear=None,
        release=None,
        release_bytes=0,
        min_entries=0,
    ):
        self.name = name
        self.lock = threading.RLock()
        self._max_bytes = max_bytes
        self._on_evict, self._on_clear = on_evict, on_clear
        self._release, self._release_bytes = release, release_bytes
        self._min_entries = min_entries
        self._entries = collections.OrderedDict()
        self._bytes = self._dropped_bytes = 0
        # Only the first cache of a name is listed: that of the process.
        _caches.setdefault(name, self)

    @property
    def bytes(self):
        """Memory that the entries take, in bytes."""
        return self._bytes

    @property
    def max_bytes(self):
        """Bound on `bytes`."""
        return self._max_bytes

    @max_bytes.setter
    def max_bytes(self, value):
        with self.lock:
            self._max_bytes = value
            evicted = self._evict()
        self._after_drop(evicted)

    def __len__(self):
        return len(self._entries)

    def find(self, key, default=None):
        """Return the value of a key, or the default; the entry counts as used."""
        with self.lock:
            if key not in self._entries:
                return default
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key, value, nbytes):
        """Keep a value, in place of an earlier one of the same key."""
        with self.lock:
            self.discard(key)
            self._entries[key] = value, nbytes
            self._bytes += nbytes
            evicted = self._evict()
        self._after_drop(evicted)

    def get(self, key, make, nbytes=attrgetter("nbytes")):
        """Return the value of a key; make and keep it where there is none.

        Parameters
        ----------
        key : hashable
            Key.
        make : callable
            Called without arguments, by one thread at a time in the process.
        nbytes : callable, default=attrgetter("nbytes")
            Called with the value; returns its size in bytes.

        Returns
        -------
        object
        """
        value = self.find(key, _NOTHING)
        if value is not _NOTHING:
            return value
        with BUILDING:
            value = self.find(key, _NOTHING)
            if value is _NOTHING:
                value = make()
                self.put(key, value, nbytes(value))
        return value

    def resize(self, key, nbytes):
        """Note that the value of a key takes another number of bytes now."""
        with self.lock:
            if key in self._entries:
                value, before = self._entries[key]
                self._entries[key] = value, nbytes
                self._bytes += nbytes - before
            evicted = self._evict()
        self._after_drop(evicted)

    def discard(self, key):
        """Drop the entry of a key, if there is one."""
        with self.lock:
            _, nbytes = self._entries.pop(key, (None, 0))
            self._bytes -= nbytes

    def discard_where(self, condition):
        """Drop the entries whose key satisfies a condition."""
        with self.lock:
            for key in [key for key in self._entries if condition(key)]:
                self._dropped_bytes += self._entries[key][1]
                self.discard(key)
        self._after_drop()

    def clear(self):
        """Drop all entries."""
        with self.lock:
            self._entries.clear()
            self._bytes = self._dropped_bytes = 0
            if self._on_clear is not None:
                self._on_clear()
        if self._release is not None:
            self._release()

    def _evict(self):
        """Take out the entries that are evicted; return their keys and values."""
        evicted = []
        while self._bytes > self._max_bytes and len(self) > self._min_entries:
            key, (value, nbytes) = self._entries.popitem(last=False)
            self._bytes -= nbytes
            self._dropped_bytes += nbytes
            evicted.append((key, value))
        return evicted

    def _after_drop(self, evicted=()):
        """Make the calls that follow, which may need locks of other caches."""
        if self._on_evict is not None:
            for key, value in evicted:
                self._on_evict(key, value)
        with self.lock:
            if self._release is None or self._dropped_bytes <= self._release_bytes:
                return
            self._dropped_bytes = 0
        self._release()


_NOTHING = object()


def cached(name, max_bytes, nbytes=attrgetter("nbytes")):
    """Decorate a function of hashable arguments, so that its results are kept.

    Parameters
    ----------
    name, max_bytes
        As in :class:`Cache`.
    nbytes : callable, default=attrgetter("nbytes")
        Called with a result; returns its size in bytes.

    Returns
    -------
    callable
        Decorator.
    """
    cache = Cache(name, max_bytes)

    def decorate(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            key = args, tuple(sorted(kwargs.items()))
            return cache.get(key, lambda: function(*args, **kwargs), nbytes)

        return call

    return decorate


def cache_info():
    """List the caches of this process.

    Returns
    -------
    list of CacheInfo
        Name, number of entries, bytes and bound of each cache, by name. Worker
        processes have caches of their own.

    See Also
    --------
    clear_caches : Empty the caches.

    Examples
    --------
    >>> import sktransfer
    >>> from sktransfer.datasets import load_shifted_digits
    >>> X, y, _ = load_shifted_digits("rotated", random_state=0)
    >>> sktransfer.clear_caches()
    >>> clf = sktransfer.TransferClassifier("mlp", epochs=1).fit(X[:50], y[:50])
    >>> {cache.name: cache.entries for cache in sktransfer.cache_info()}["programs"]
    1
    """
    return [
        CacheInfo(name, len(cache), cache.bytes, cache.max_bytes)
        for name, cache in sorted(_caches.items())
    ]


def clear_caches():
    """Empty all caches of this process, the feature store among them.

    Results stay the same; what is needed again is made again. Memory of compiled
    networks is given back as far as TensorFlow gives it back.

    See Also
    --------
    cache_info : Name, entries and bytes of each cache.

    Examples
    --------
    >>> import sktransfer
    >>> sktransfer.clear_caches()
    >>> sum(cache.bytes for cache in sktransfer.cache_info())
    0
    """
    for cache in [*_caches.values()]:
        cache.clear()
