"""Training rows as the trained part of a network sees them."""

import numpy as np

# Prefix outputs up to this size are kept for the length of a fit; larger ones are
# computed again for each chunk, so that data larger than memory can be used.
_KEEP_BYTES = 1 << 30
_CHUNK_BYTES = 1 << 26


class RowFeatures:
    """Prefix outputs of the rows of an array, computed once where they fit.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Rows; may be a np.memmap.
    program : Program
        Loaded with the weights of the fit.
    memory : joblib.Memory or None
        Keeps prefix outputs on disk between fits.
    key : str
        Fingerprint of the backbone, for `memory`.
    """

    def __init__(self, X, program, memory=None, key=""):
        self._X = X
        self._program = program
        self._kept = None
        first = program.prefix(X[:1])
        self.row_bytes = sum(array.nbytes for array in first)
        if program.has_prefix and self.row_bytes * len(X) <= _KEEP_BYTES:
            if memory is None:
                self._kept = program.prefix(X)
            else:
                cached = memory.cache(_prefix_outputs, ignore=["program"])
                self._kept = cached(X, key, program.depth, program.dtype, program)

    def __len__(self):
        return len(self._X)

    def take(self, indices):
        """Return the prefix outputs of some rows.

        Parameters
        ----------
        indices : ndarray of int or slice
            Rows, in the order wanted.

        Returns
        -------
        list of ndarray
            One array for each tensor of the frontier.
        """
        if self._kept is not None:
            return [array[indices] for array in self._kept]
        return self._program.prefix(self._X[indices])

    def chunks(self, order, batch_size):
        """Cut an order of rows into parts of whole batches that fit in memory.

        Parameters
        ----------
        order : ndarray of int
            Rows, in the order wanted.
        batch_size : int
            Rows in a batch.

        Yields
        ------
        ndarray of int
        """
        batches = max(1, _CHUNK_BYTES // (self.row_bytes * batch_size + 1))
        step = batches * batch_size
        for start in range(0, len(order), step):
            yield order[start : start + step]

    def logits(self):
        """Return the class scores of all rows, of shape (n, n_classes)."""
        parts = [
            self._program.logits(self.take(chunk))
            for chunk in self.chunks(np.arange(len(self)), self._program.rows_per_call)
        ]
        return np.concatenate(parts)


def _prefix_outputs(X, key, depth, dtype, program):
    return program.prefix(X)
