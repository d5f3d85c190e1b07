"""Samples, and the outputs of frozen layers for them."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sktransfer._large_arrays import blocks, join, stack, take_rows
from sktransfer.training.store.digests import sample_digests
from sktransfer.training.store.feature_folder import open_folder
from sktransfer.training.store.feature_store import PagedOutputs, feature_store

# A fit keeps prefix outputs up to this size, or up to that of the feature store if that
# is greater. Larger ones are computed again for each chunk, so data may be larger than
# memory.
_KEEP_BYTES = 1 << 29
_CHUNK_BYTES = 1 << 26
# Maximum size of samples that are computed together, and of their outputs.
_BLOCK_BYTES = 1 << 23
# Looking up samples needs memory, so only so many are looked up together.
_LOOK_UP_SAMPLES = 1 << 18


@dataclass
class Samples:
    """A subset of the samples in an array, with targets and weights.

    Attributes
    ----------
    X : ndarray of shape (n_all, ...)
        Samples, also a np.memmap. They are not copied.
    index : ndarray of shape (n,), int
        Positions in X of the samples of the subset.
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
        """Hashes of the samples, an ndarray of shape (n,) with 16 bytes each."""
        parts = blocks(self.index, _LOOK_UP_SAMPLES)
        digests = (b"".join(sample_digests(self.X, part)) for part in parts)
        return np.frombuffer(b"".join(digests), "V16")

    def part(self, chosen):
        """Return a smaller subset; `chosen` are positions in `index`."""
        return Samples(
            self.X, self.index[chosen], self.y[chosen], self.sample_weight[chosen]
        )

    def replace(self, **changes):
        """Return a copy with some attributes replaced."""
        return replace(self, **changes)


class FrozenOutputs:
    """Outputs of the frozen layers of a program, from the feature store if possible.

    Parameters
    ----------
    program : Program
        Program, held by the caller and loaded with weights.
    X : ndarray of shape (n_samples, ...)
        Samples in the input shape of the backbone.
    part : {"prefix", "features"}, default="prefix"
        Outputs of the prefix, or of the whole backbone in inference mode.
    folder : str or None, default=None
        Folder that keeps outputs.

    Attributes
    ----------
    can_be_stored : bool
        Whether the outputs depend on weights, so that the store keeps them.
    """

    def __init__(self, program, X, *, part="prefix", folder=None):
        self._program, self._X, self._part = program, X, part
        self.sample_bytes = program.sample_bytes(part, X.shape[1:])
        self._block_size = self._size_within(_BLOCK_BYTES, self.sample_bytes)
        key = program.key(part)
        self._space = None if key is None else (key, X.dtype.str, X.shape[1:])
        self.can_be_stored, self._folder = key is not None, None
        if folder is not None and key is not None:
            self._folder = open_folder(folder, self._space)

    def gather(self, index, *, digests=None, n_samples=None):
        """Look up or compute the outputs of some samples.

        Parameters
        ----------
        index : ndarray of int
            Positions of the samples in X.
        digests : callable or None, default=None
            Returns the hashes of the samples. None computes them.
        n_samples : int or None, default=None
            Number of samples in all calls; None is this call only. If the store has no
            space for all of them, it keeps none of them.

        Returns
        -------
        PagedOutputs
        """
        keep = self.can_be_stored and feature_store.has_room(
            n_samples or len(index), self.sample_bytes
        )
        if not keep and self._folder is None:
            return PagedOutputs.from_blocks(
                map(self._compute, blocks(index, self._block_size))
            )
        parts = []
        for start in range(0, len(index), _LOOK_UP_SAMPLES):
            chunk = index[start : start + _LOOK_UP_SAMPLES]
            if digests is None:
                hashes = sample_digests(self._X, chunk)
            else:
                hashes = digests()[start : start + _LOOK_UP_SAMPLES].tolist()
            parts.append(
                feature_store.gather(
                    self._space,
                    hashes,
                    lambda positions, chunk=chunk: self._compute(chunk[positions]),
                    page_rows=self._block_size,
                    keep=keep,
                    folder=self._folder,
                )
            )
        return PagedOutputs.joined(parts)

    def in_parts(self):
        """Return an iterator over the outputs of all samples, in parts.

        Yields
        ------
        list of ndarray
            One array for each output.
        """
        n = len(self._X)
        for index in blocks(np.arange(n), self._block_size):
            yield self.gather(index, n_samples=n).take()

    def _compute(self, index):
        step = self._size_within(_BLOCK_BYTES, self._X[:1].nbytes)
        rows = (take_rows(self._X, part) for part in blocks(index, step))
        if self._part == "prefix":
            return join([self._program.prefix(part) for part in rows])
        return join([[self._program.features(part)] for part in rows])

    def _size_within(self, n_bytes, sample_bytes):
        """Return a number of samples that fills complete calls of the program."""
        size = self._program.samples_per_call
        return max(1, n_bytes // (sample_bytes * size + 1)) * size


class SampleFeatures:
    """Prefix outputs of samples, computed once if they fit in memory.

    Parameters
    ----------
    samples : Samples
        Samples.
    program : Program
        Program, held by the caller and loaded with weights.
    folder : str or None
        Folder that keeps outputs.
    """

    def __init__(self, samples, program, folder=None):
        self.samples, self._program, self._folder = samples, program, folder
        self._outputs = FrozenOutputs(program, samples.X, folder=folder)
        self._sample_bytes = self._outputs.sample_bytes
        size = self._sample_bytes * len(samples)
        self._kept = None
        limit = max(_KEEP_BYTES, feature_store.max_bytes)
        if not self._outputs.can_be_stored:
            # They are fast to compute again.
            limit = _CHUNK_BYTES
        if program.has_prefix and size <= limit:
            self._kept = self._gather(self._outputs)

    def take(self, chosen):
        """Return the prefix outputs of some samples.

        Parameters
        ----------
        chosen : ndarray of int or slice
            Positions of the samples.

        Returns
        -------
        list of ndarray
            One array for each output of the prefix. They must not be changed.
        """
        if self._kept is not None:
            return self._kept.take(chosen)
        index = self.samples.index[chosen]
        if not self._program.has_prefix:
            return self._program.prefix(take_rows(self.samples.X, index))
        return self._outputs.gather(index, n_samples=len(self.samples)).take()

    def chunks(self, order, batch_size):
        """Split positions of samples into parts of complete batches that fit in memory.

        Parameters
        ----------
        order : ndarray of int
            Positions of the samples.
        batch_size : int
            Number of samples in a batch.

        Returns
        -------
        iterator of ndarray of int
        """
        sample_bytes = self._sample_bytes
        if self._kept is None:
            sample_bytes = max(sample_bytes, self.samples.X[:1].nbytes)
        batches = max(1, _CHUNK_BYTES // (sample_bytes * batch_size + 1))
        return blocks(order, batches * batch_size)

    def logits(self):
        """Compute the logits of all samples, of shape (n, n_units)."""
        return self._in_parts(lambda part: [self._program.logits(self.take(part))])[0]

    def features(self):
        """Compute the inputs of the head, of shape (n, n_features)."""
        if self._program.has_prefix_only:
            return self._in_parts(self.take)[0]
        outputs = FrozenOutputs(
            self._program, self.samples.X, part="features", folder=self._folder
        )
        return self._gather(outputs).take()[0]

    def _gather(self, outputs):
        """Look up or compute the outputs of all samples."""
        samples = self.samples
        return outputs.gather(samples.index, digests=lambda: samples.digests)

    def _in_parts(self, function):
        order = np.arange(len(self.samples))
        parts = self.chunks(order, self._program.samples_per_call)
        return stack(map(function, parts), len(order))
