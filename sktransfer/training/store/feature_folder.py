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
from sktransfer._warnings import warn_user

_FORMAT = 1
# The hash of the content, and the number of rows.
_FILE_NAME = re.compile(r"([0-9a-f]{32})-([0-9]{1,9})\.features")
_TEMPORARY = ".features-tmp"
_TEMPORARY_SECONDS = 24 * 3600
_DIGEST_BYTES = 16
# About what a folder keeps of a thousand files.
_FOLDER_BYTES = 1 << 20
_folders = Cache("feature folders", 1 << 26)


def memory_folder(memory):
    """Find the folder that a `memory` parameter means.

    Parameters
    ----------
    memory : str, path-like, joblib.Memory or None
        A path is that of a joblib.Memory, but nothing is made there yet.

    Returns
    -------
    str or None
    """
    if isinstance(memory, Memory):
        return memory.store_backend and memory.store_backend.location
    return None if memory is None else os.path.join(os.fspath(memory), "joblib")


def folder_of(location, space):
    """Return the folder that keeps the rows of a space.

    Parameters
    ----------
    location : str
        Folder of all spaces.
    space : tuple
        Plain data and classes: what the outputs depend on besides the row's content.

    Returns
    -------
    FeatureFolder
    """
    description = json.dumps([_FORMAT, space], default=_describe)
    # A name of this kind lets joblib.Memory.reduce_size count and remove the folder.
    name = hashlib.sha256(description.encode()).hexdigest()[:32]
    path = os.path.join(os.path.abspath(location), "sktransfer_features", name)
    return _folders.get(path, lambda: FeatureFolder(path), lambda _: _FOLDER_BYTES)


def _describe(cls):
    """Describe a class so that an edited one is another one."""
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        source = ""
    return [cls.__module__, cls.__qualname__, source]


class FeatureFolder:
    """A folder with rows of one space, as files that are written once.

    A file holds rows that were computed together: a NumPy record of their arrays,
    then their digests. It is written under a temporary name and renamed, so other
    processes see whole files only; two may write the same row. The name holds a hash
    of the content, which tells a damaged file.

    Parameters
    ----------
    path : str
        The folder; made when something is written.
    """

    def __init__(self, path):
        self._path = path
        self._lock = threading.Lock()
        self._names, self._intact, self._warned = [], {}, False
        # Of each row in the files: the start of its digest, in order, and its file.
        self._keys, self._files = np.empty(0, np.uint64), np.empty(0, np.intp)

    def read(self, digests, n_rows):
        """Find rows.

        Parameters
        ----------
        digests : list of bytes
            Distinct digests.
        n_rows : int
            Greatest number of rows to give at once.

        Yields
        ------
        digests : list of bytes
            Some of those that are here, each once.
        arrays : list of ndarray
            One row for each of them in each array.
        """
        with self._lock:
            self._scan()
            names = list(self._names)
            wanted_keys = _keys(b"".join(digests))
            starts = np.searchsorted(self._keys, wanted_keys, "left")
            stops = np.searchsorted(self._keys, wanted_keys, "right")
            # A row may be in several files.
            of_rows = [self._files[starts[stops > starts]]]
            for i in np.flatnonzero(stops > starts + 1):
                of_rows.append(self._files[starts[i] + 1 : stops[i]])
            files = np.unique(np.concatenate(of_rows)).tolist()
        wanted = set(digests)
        found, parts = [], []
        for file in files:
            # Another process may clear the folder meanwhile.
            with contextlib.suppress(OSError):
                if not self._is_intact(names[file]):
                    continue
                record = np.load(os.path.join(self._path, names[file]), mmap_mode="r")
                in_file = _split(self._read_digests(names[file]))
                rows = [row for row, d in enumerate(in_file) if d in wanted]
                wanted.difference_update(in_file)
                for start in range(0, len(rows), n_rows):
                    some = rows[start : start + n_rows]
                    if len(found) + len(some) > n_rows:
                        yield found, _join(parts)
                        found, parts = [], []
                    found += [in_file[row] for row in some]
                    parts.append([record[f][0][some] for f in record.dtype.names])
        if found:
            yield found, _join(parts)

    def write(self, digests, arrays):
        """Add rows; warn where that is not possible.

        Parameters
        ----------
        digests : list of bytes
            Of each row.
        arrays : list of ndarray
            One row for each digest in each array.
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
                    f"the folder that `memory` gives: {error}. They will be computed "
                    "again."
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
        """Learn which rows are in the files that are new here."""
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
                    # Left by a process that was killed.
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


def _join(parts):
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
