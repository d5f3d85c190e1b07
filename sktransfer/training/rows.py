"""Training rows, and what the trained part of a network sees of them."""

from dataclasses import dataclass

import numpy as np

from sktransfer._large_arrays import stack, take_rows

# Prefix outputs up to this size are kept for the length of a fit; larger ones are
# computed again for each chunk, so that data larger than memory can be used.
_KEEP_BYTES = 1 << 29
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
        return self._program.prefix(self._gather(chosen))

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
        row_bytes = self._row_bytes
        if self._kept is None:
            row_bytes = max(row_bytes, self._examples.X[:1].nbytes)
        batches = max(1, _CHUNK_BYTES // (row_bytes * batch_size + 1))
        step = batches * batch_size
        for start in range(0, len(order), step):
            yield order[start : start + step]

    def logits(self):
        """Return the class scores of all examples, of shape (n, n_classes)."""
        return self._in_parts(lambda part: [self._program.logits(self.take(part))])[0]

    def features(self):
        """Return what goes into the head, of shape (n, n_features)."""
        if not self._program.ends_with_prefix:
            return self._in_parts(
                lambda part: [self._program.features(self._gather(part))]
            )[0]
        return (self._kept or self._compute())[0]

    def _gather(self, chosen):
        return take_rows(self._examples.X, self._examples.index[chosen])

    def _in_parts(self, function):
        order = np.arange(len(self._examples))
        parts = self.chunks(order, self._program.rows_per_call)
        return stack(map(function, parts), len(order))

    def _compute(self):
        return self._in_parts(self.take)


def _compute(X, key, depth, dtype, rows):
    return rows._compute()
