"""Samples, and the outputs of frozen layers for them."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sktransfer._large_arrays import stack, take_rows
from sktransfer.training.store.digests import row_digests
from sktransfer.training.store.feature_folder import folder_of
from sktransfer.training.store.feature_store import Gathered, feature_store

# Prefix outputs up to this size, or to that of the feature store if it is greater, are
# kept for the length of a fit; larger ones are computed again for each chunk, so that
# data larger than memory can be used.
_KEEP_BYTES = 1 << 29
_CHUNK_BYTES = 1 << 26
# Rows that are computed together take up to this, before and after.
_BLOCK_BYTES = 1 << 23
# Looking up a row takes some memory while it lasts.
_LOOK_UP_ROWS = 1 << 18


@dataclass
class Samples:
    """Some samples of an array, with targets and weights.

    Attributes
    ----------
    X : ndarray of shape (n_rows, ...)
        Samples in the input shape of the backbone; may be a np.memmap.
    index : ndarray of shape (n,), int
        Positions in X of these samples, which are not copied.
    y : ndarray of shape (n, ...)
        Targets of the head, such as class indices.
    sample_weight : ndarray of shape (n,)
        Weights.
    """

    X: np.ndarray
    index: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray

    def __len__(self):
        return len(self.index)

    @cached_property
    def digests(self):
        """Hashes of the rows' content, an ndarray of shape (n,) of 16 bytes each."""
        parts = [
            b"".join(row_digests(self.X, self.index[start : start + _LOOK_UP_ROWS]))
            for start in range(0, len(self), _LOOK_UP_ROWS)
        ]
        return np.frombuffer(b"".join(parts), "V16")

    def part(self, chosen):
        """Return some of the samples; `chosen` are positions in `index`."""
        return Samples(
            self.X, self.index[chosen], self.y[chosen], self.sample_weight[chosen]
        )

    def replace(self, **changes):
        """Return a copy with some attributes replaced."""
        return replace(self, **changes)


class FrozenOutputs:
    """Outputs of the frozen layers of a loaded program, through the feature store.

    Parameters
    ----------
    program : Program
        Held by the caller, and loaded with the weights that are meant.
    X : ndarray of shape (n_rows, ...)
        Rows as the backbone takes them.
    part : {"prefix", "features"}, default="prefix"
        Outputs of the prefix, or of the whole backbone in inference mode.
    folder : str or None, default=None
        Where outputs are kept on disk too.
    """

    def __init__(self, program, X, *, part="prefix", folder=None):
        self._program, self._X, self._part = program, X, part
        self.row_bytes = program.row_bytes(part, X.shape[1:])
        self._block_rows = self._rows_within(_BLOCK_BYTES, self.row_bytes)
        key = program.key(part)
        self._space = None if key is None else (key, X.dtype.str, X.shape[1:])
        self._folder = None
        if folder is not None and key is not None:
            self._folder = folder_of(folder, self._space)

    @property
    def can_be_stored(self):
        """Whether there are weights behind the outputs."""
        return self._space is not None

    def gather(self, index, *, digests=None, n_rows=None):
        """Find or compute the outputs of some rows.

        Parameters
        ----------
        index : ndarray of int
            Which rows of X.
        digests : callable or None, default=None
            Gives their hashes, where they are known.
        n_rows : int or None, default=None
            Rows that will be asked for in all, if more than these; where they are
            more than the store can hold, it is left as it is.

        Returns
        -------
        Gathered
        """
        keep = self._space is not None and feature_store.has_room(
            n_rows or len(index), self.row_bytes
        )
        if not keep and self._folder is None:
            size = self._block_rows
            return Gathered.of_blocks(
                self._compute(index[start : start + size])
                for start in range(0, len(index), size)
            )
        parts = []
        for start in range(0, len(index), _LOOK_UP_ROWS):
            some = index[start : start + _LOOK_UP_ROWS]
            if digests is None:
                hashes = row_digests(self._X, some)
            else:
                hashes = digests()[start : start + _LOOK_UP_ROWS].tolist()
            parts.append(
                feature_store.gather(
                    self._space,
                    hashes,
                    lambda positions, some=some: self._compute(some[positions]),
                    page_rows=self._block_rows,
                    keep=keep,
                    folder=self._folder,
                )
            )
        return Gathered.joined(parts)

    def in_parts(self):
        """Give the outputs of all rows, some rows at a time.

        Yields
        ------
        list of ndarray
            One array for each tensor.
        """
        n = len(self._X)
        for start in range(0, n, self._block_rows):
            stop = min(start + self._block_rows, n)
            yield self.gather(np.arange(start, stop), n_rows=n).take()

    def _compute(self, index):
        step = self._rows_within(_BLOCK_BYTES, self._X[:1].nbytes)
        outputs = []
        for start in range(0, len(index), step):
            rows = take_rows(self._X, index[start : start + step])
            if self._part == "prefix":
                outputs.append(self._program.prefix(rows))
            else:
                outputs.append([self._program.features(rows)])
        if len(outputs) == 1:
            return outputs[0]
        return [np.concatenate(arrays) for arrays in zip(*outputs, strict=True)]

    def _rows_within(self, n_bytes, row_bytes):
        """Return a number of rows that fills whole calls of the program."""
        size = self._program.rows_per_call
        return max(1, n_bytes // (row_bytes * size + 1)) * size


class SampleFeatures:
    """Prefix outputs of samples, computed once where they fit in memory.

    Parameters
    ----------
    samples : Samples
        The rows.
    program : Program
        Held, and loaded with the weights of the fit.
    folder : str or None
        Where outputs are kept on disk.
    """

    def __init__(self, samples, program, folder=None):
        self.samples, self._program, self._folder = samples, program, folder
        self._outputs = FrozenOutputs(program, samples.X, folder=folder)
        self._row_bytes = self._outputs.row_bytes
        size = self._row_bytes * len(samples)
        self._kept = None
        limit = max(_KEEP_BYTES, feature_store.max_bytes)
        if not self._outputs.can_be_stored:
            # They cost little to compute again.
            limit = _CHUNK_BYTES
        if program.has_prefix and size <= limit:
            self._kept = self._gather(self._outputs)

    def take(self, chosen):
        """Return the prefix outputs of some samples.

        Parameters
        ----------
        chosen : ndarray of int or slice
            Positions, in the order wanted.

        Returns
        -------
        list of ndarray
            One array for each tensor of the frontier; not to be written to.
        """
        if self._kept is not None:
            return self._kept.take(chosen)
        index = self.samples.index[chosen]
        if not self._program.has_prefix:
            return self._program.prefix(take_rows(self.samples.X, index))
        return self._outputs.gather(index, n_rows=len(self.samples)).take()

    def chunks(self, order, batch_size):
        """Cut an order of samples into parts of whole batches that fit in memory.

        Parameters
        ----------
        order : ndarray of int
            Positions, in the order wanted.
        batch_size : int
            Rows in a batch.

        Yields
        ------
        ndarray of int
        """
        row_bytes = self._row_bytes
        if self._kept is None:
            row_bytes = max(row_bytes, self.samples.X[:1].nbytes)
        batches = max(1, _CHUNK_BYTES // (row_bytes * batch_size + 1))
        step = batches * batch_size
        for start in range(0, len(order), step):
            yield order[start : start + step]

    def logits(self):
        """Return the class scores of all samples, of shape (n, n_classes)."""
        return self._in_parts(lambda part: [self._program.logits(self.take(part))])[0]

    def features(self):
        """Return what goes into the head, of shape (n, n_features)."""
        if self._program.ends_with_prefix:
            return self._in_parts(self.take)[0]
        outputs = FrozenOutputs(
            self._program, self.samples.X, part="features", folder=self._folder
        )
        return self._gather(outputs).take()[0]

    def _gather(self, outputs):
        """Find or compute the outputs of all samples."""
        samples = self.samples
        return outputs.gather(samples.index, digests=lambda: samples.digests)

    def _in_parts(self, function):
        order = np.arange(len(self.samples))
        parts = self.chunks(order, self._program.rows_per_call)
        return stack(map(function, parts), len(order))
