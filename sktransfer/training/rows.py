"""Training rows, and what the trained part of a network sees of them."""

from dataclasses import dataclass

import numpy as np

# Prefix outputs up to this size are kept for the length of a fit; larger ones are
# computed again for each chunk, so that data larger than memory can be used.
_KEEP_BYTES = 1 << 30
_CHUNK_BYTES = 1 << 26


@dataclass
class Examples:
    """Some rows of an array with their class indices and weights.

    Attributes
    ----------
    X : ndarray of shape (n_rows, ...)
        Rows as the backbone takes them; may be a np.memmap.
    index : ndarray of shape (n,), int
        Which of them are meant; they are not copied.
    y : ndarray of shape (n,), int32
        Class indices.
    sample_weight : ndarray of shape (n,)
        Weights.
    """

    X: np.ndarray
    index: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray

    def __len__(self):
        return len(self.index)

    def part(self, chosen):
        """Return some of the examples, as positions in `index`."""
        return Examples(
            self.X, self.index[chosen], self.y[chosen], self.sample_weight[chosen]
        )


class RowFeatures:
    """Prefix outputs of examples, computed once where they fit in memory.

    Parameters
    ----------
    examples : Examples
        The rows.
    program : Program
        Loaded with the weights of the fit.
    memory : joblib.Memory or None
        Keeps prefix outputs on disk between fits.
    key : str
        Fingerprint of the backbone, for `memory`.
    """

    def __init__(self, examples, program, memory=None, key=""):
        self._examples = examples
        self._program = program
        self._kept = None
        first = self.take(slice(0, 1))
        self._row_bytes = sum(array.nbytes for array in first)
        n = len(examples)
        if program.has_prefix and self._row_bytes * n <= _KEEP_BYTES:
            if memory is None:
                self._kept = self._compute()
            else:
                X = examples.X[examples.index]
                cached = memory.cache(_compute, ignore=["rows"])
                self._kept = cached(X, key, program.depth, program.dtype, rows=self)

    def take(self, chosen):
        """Return the prefix outputs of some examples.

        Parameters
        ----------
        chosen : ndarray of int or slice
            Positions, in the order wanted.

        Returns
        -------
        list of ndarray
            One array for each tensor of the frontier.
        """
        if self._kept is not None:
            return [array[chosen] for array in self._kept]
        return self._program.prefix(self._examples.X[self._examples.index[chosen]])

    def chunks(self, order, batch_size):
        """Cut an order of examples into parts of whole batches that fit in memory.

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
        batches = max(1, _CHUNK_BYTES // (self._row_bytes * batch_size + 1))
        step = batches * batch_size
        for start in range(0, len(order), step):
            yield order[start : start + step]

    def logits(self):
        """Return the class scores of all examples, of shape (n, n_classes)."""
        return np.concatenate(
            [self._program.logits(self.take(part)) for part in self._parts()]
        )

    def features(self):
        """Return what goes into the head, of shape (n, n_features)."""
        if self._program.ends_with_prefix:
            parts = [self.take(part)[0] for part in self._parts()]
        else:
            X, index = self._examples.X, self._examples.index
            parts = [self._program.features(X[index[part]]) for part in self._parts()]
        return np.concatenate(parts)

    def _parts(self):
        order = np.arange(len(self._examples))
        return self.chunks(order, self._program.rows_per_call)

    def _compute(self):
        outputs = [self.take(part) for part in self._parts()]
        return [np.concatenate(arrays) for arrays in zip(*outputs, strict=True)]


def _compute(X, key, depth, dtype, rows):
    return rows._compute()
