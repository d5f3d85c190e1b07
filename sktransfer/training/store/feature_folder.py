"""Outputs of frozen layers on disk, shared between processes and runs."""

import contextlib
import hashlib
import inspect
import io
import json
import os
import re
import threading
import time
import uuid

import numpy as np
from joblib import Memory
from xxhash import xxh3_128, xxh3_128_hexdigest

from sktransfer._caches import Cache
from sktransfer._large_arrays import join
from sktransfer._warnings import warn_user

_FORMAT = 1
# Hash of the content, and number of samples.
_FILE_NAME = re.compile(r"([0-9a-f]{32})-([0-9]{1,9})\.features")
_TEMPORARY = ".features-tmp"
_TEMPORARY_SECONDS = 24 * 3600
_DIGEST_BYTES = 16
# Approximate memory of a folder object with a thousand files.
_FOLDER_BYTES = 1 << 20
_folders = Cache("feature folders", 1 << 26)


def memory_folder(memory):
    """Return the folder of the parameter `memory`.

    Parameters
    ----------
    memory : str, path-like, joblib.Memory or None
        A path is the location of a joblib.Memory. Nothing is created there yet.

    Returns
    -------
    str or None
    """
    if isinstance(memory, Memory):
        return memory.store_backend and memory.store_backend.location
    return None if memory is None else os.path.join(os.fspath(memory), "joblib")


def open_folder(location, space):
    """Return the folder with the outputs of a space.

    Parameters
    ----------
    location : str
        Folder of all spaces.
    space : tuple
        Plain data and classes: everything that outputs depend on, except the sample.

    Returns
    -------
    FeatureFolder
    """
    description = json.dumps([_FORMAT, space], default=_describe)
    # joblib.Memory.reduce_size counts and removes folders with names like this.
    name = hashlib.sha256(description.encode()).hexdigest()[:32]
    path = os.path.join(os.path.abspath(location), "sktransfer_features", name)
    return _folders.get(path, lambda: FeatureFolder(path), lambda _: _FOLDER_BYTES)


def _describe(cls):
    """Describe a class by its name and source code."""
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        source = ""
    return [cls.__module__, cls.__qualname__, source]


class FeatureFolder:
    """A folder with the outputs of one space, in files that are written once.

    A file has the outputs of samples that were computed together: a NumPy record of the
    arrays, then the digests of the samples. It is written under a temporary name and
    then renamed, so that other processes only see complete files. Two processes may
    write the same sample. A hash in the name detects damaged files.

    Parameters
    ----------
    path : str
        The folder. The first call of :meth:`write` creates it.
    """

    def __init__(self, path):
        self._path = path
        self._lock = threading.Lock()
        self._names, self._intact, self._warned = [], {}, False
        # For each sample in the files: start of its digest (sorted), and its file.
        self._keys, self._files = np.empty(0, np.uint64), np.empty(0, np.intp)

    def read(self, digests, n_rows):
        """Read the outputs of samples that are in the files.

        Parameters
        ----------
        digests : list of bytes
            Digests of the samples, each once.
        n_rows : int
            Maximum number of samples to yield at once.

        Yields
        ------
        digests : list of bytes
            Digests of some samples that were read, each once.
        arrays : list of ndarray
            Outputs of these samples: one row for each in each array.
        """
        with self._lock:
            self._scan()
            names = list(self._names)
            wanted_keys = _keys(b"".join(digests))
            starts = np.searchsorted(self._keys, wanted_keys, "left")
            stops = np.searchsorted(self._keys, wanted_keys, "right")
            # A sample may be in several files.
            matches = [self._files[starts[stops > starts]]]
            for i in np.flatnonzero(stops > starts + 1):
                matches.append(self._files[starts[i] + 1 : stops[i]])
            files = np.unique(np.concatenate(matches)).tolist()
        wanted = set(digests)
        part_digests, parts = [], []
        for file in files:
            # Another process may clear the folder at the same time.
            with contextlib.suppress(OSError):
                if not self._is_intact(names[file]):
                    continue
                record = np.load(os.path.join(self._path, names[file]), mmap_mode="r")
                in_file = _split(self._read_digests(names[file]))
                rows = [row for row, d in enumerate(in_file) if d in wanted]
                wanted.difference_update(in_file)
                for start in range(0, len(rows), n_rows):
                    chunk = rows[start : start + n_rows]
                    if len(part_digests) + len(chunk) > n_rows:
                        yield part_digests, join(parts)
                        part_digests, parts = [], []
                    part_digests += [in_file[row] for row in chunk]
                    parts.append([record[f][0][chunk] for f in record.dtype.names])
        if part_digests:
            yield part_digests, join(parts)

    def write(self, digests, arrays):
        """Write the outputs of samples; warn if that is not possible.

        Parameters
        ----------
        digests : list of bytes
            Digest of each sample.
        arrays : list of ndarray
            Outputs: one row for each sample in each array.
        """
        record = np.empty(1, [(f"{i}", a.dtype, a.shape) for i, a in enumerate(arrays)])
        for i, array in enumerate(arrays):
            record[f"{i}"] = array
        stream = io.BytesIO()
        np.save(stream, record, allow_pickle=False)
        stream.write(b"".join(digests))
        data = stream.getbuffer()
        name = f"{xxh3_128_hexdigest(data)}-{len(digests)}.features"
        try:
            self._write(data, name)
        except OSError as error:
            if not self._warned:
                self._warned = True
                warn_user(
                    f"Outputs of frozen layers cannot be written to {self._path!r}, in "
                    f"the folder of the parameter memory: {error}. Later runs will "
                    "compute them again. Use a folder that can be written."
                )

    def _write(self, data, name):
        os.makedirs(self._path, exist_ok=True)
        temporary = os.path.join(self._path, uuid.uuid4().hex + _TEMPORARY)
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, os.path.join(self._path, name))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def _scan(self):
        """Read which samples are in new files."""
        try:
            with os.scandir(self._path) as entries:
                present = {entry.name: entry for entry in entries}
        except OSError:
            present = {}
        if not present.keys() >= set(self._names):
            self._names = []
            self._keys, self._files = self._keys[:0], self._files[:0]
        keys, files, known = [self._keys], [self._files], set(self._names)
        for name, entry in present.items():
            with contextlib.suppress(OSError):
                if name.endswith(_TEMPORARY):
                    # A process that was killed did not remove it.
                    if entry.stat().st_mtime < time.time() - _TEMPORARY_SECONDS:
                        os.unlink(entry.path)
                elif name not in known and _FILE_NAME.fullmatch(name):
                    in_file = _keys(self._read_digests(name))
                    keys.append(in_file)
                    files.append(np.full(len(in_file), len(self._names)))
                    self._names.append(name)
        if len(keys) > 1:
            self._keys, self._files = np.concatenate(keys), np.concatenate(files)
            order = np.argsort(self._keys, kind="stable")
            self._keys, self._files = self._keys[order], self._files[order]

    def _read_digests(self, name):
        size = _DIGEST_BYTES * int(_FILE_NAME.fullmatch(name)[2])
        with open(os.path.join(self._path, name), "rb") as file:
            file.seek(-size, os.SEEK_END)
            return file.read()

    def _is_intact(self, name):
        if name not in self._intact:
            with open(os.path.join(self._path, name), "rb") as file:
                digest = hashlib.file_digest(file, xxh3_128).hexdigest()
            self._intact[name] = digest == _FILE_NAME.fullmatch(name)[1]
        return self._intact[name]


def _split(digests):
    return [
        digests[i : i + _DIGEST_BYTES] for i in range(0, len(digests), _DIGEST_BYTES)
    ]


def _keys(digests):
    return np.frombuffer(digests, np.uint64)[::2]
