"""Sums over the rows of a table, some rows at a time and in float64."""

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_array
from sklearn.utils import gen_batches

from sktransfer._large_arrays import take_rows

_BLOCK_BYTES = 1 << 25
# A column that varies less than this, relative to its mean, is constant but for
# rounding.
_CONSTANT = 1e-12


def drawn_rows(n, size):
    """Draw positions of rows without replacement, in order and the same each time."""
    return np.sort(np.random.default_rng(0).choice(n, size, replace=False))


class Columns:
    """A table whose columns are shifted and divided as its blocks are read.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Real numbers; may be a np.memmap.
    centered : bool, default=True
        Whether columns are shifted to a mean of 0.
    """

    def __init__(self, X, *, centered=True):
        self._X = X
        self.rows = np.arange(len(X))
        self.mean = np.zeros(X.shape[1])
        self.scale = np.ones(X.shape[1])
        if centered:
            total = sum(block.sum(axis=0) for _, block in self.row_blocks())
            self.mean = total / len(X)

    @property
    def shape(self):
        """Numbers of rows and columns."""
        return len(self.rows), self._X.shape[1]

    def of_rows(self, rows):
        """Return the same columns, of some rows only."""
        part = object.__new__(Columns)
        part.__dict__ |= self.__dict__ | {"rows": rows}
        return part

    def row_blocks(self):
        """Yield positions of rows, a slice, and these rows, in float64."""
        n, d = self.shape
        for part in gen_batches(n, max(1, _BLOCK_BYTES // (8 * d))):
            rows = take_rows(self._X, self.rows[part]).astype(np.float64)
            rows -= self.mean
            rows /= self.scale
            yield part, rows

    def column_blocks(self):
        """Yield some columns of all rows at a time, in float64."""
        n, d = self.shape
        for part in gen_batches(d, max(1, _BLOCK_BYTES // (8 * n))):
            yield self.read_columns(part)

    def read_columns(self, part):
        """Return some columns of all rows, in float64.

        Parameters
        ----------
        part : slice
            Which columns.

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
        """
        columns = self._X[self.rows, part].astype(np.float64)
        columns -= self.mean[part]
        columns /= self.scale[part]
        return columns

    def divide_by_greatest(self):
        """Divide all columns by the greatest absolute value, so that squares fit."""
        greatest = max(np.abs(block).max() for _, block in self.row_blocks())
        if greatest > 0:
            self.scale = self.scale * greatest

    def divide_by_deviation(self):
        """Divide each column by its standard deviation; constant ones become 0."""
        self.divide_by_greatest()
        squares = sum(np.square(block).sum(axis=0) for _, block in self.row_blocks())
        deviation = np.sqrt(squares / len(self.rows))
        constant = deviation * self.scale <= _CONSTANT * np.abs(self.mean)
        self.scale = self.scale * np.where(constant, np.inf, deviation)

    def gram(self):
        """Sum products of columns, or of rows where they are fewer.

        Returns
        -------
        ndarray of shape (n_features, n_features) or (n_samples, n_samples)
        """
        n, d = self.shape
        total = np.zeros((min(n, d),) * 2)
        if d <= n:
            for _, block in self.row_blocks():
                total += block.T @ block
        else:
            for block in self.column_blocks():
                total += block @ block.T
        return total

    def class_sums(self, codes, n_classes):
        """Sum the rows of each class, an ndarray of shape (n_classes, n_features)."""
        return sum(
            indicators(codes[part], n_classes).T @ block
            for part, block in self.row_blocks()
        )


def indicators(codes, n_classes):
    """Return a sparse array of shape (n_samples, n_classes) with a 1 in each row."""
    n = len(codes)
    return csr_array((np.ones(n), (np.arange(n), codes)), shape=(n, n_classes))


class Spectrum:
    """Principal directions of a table, without those that are only rounding.

    Parameters
    ----------
    columns : Columns
        The table F.

    Attributes
    ----------
    values : ndarray of shape (n_directions,)
        Squared singular values of F, above 0, the greatest first.
    """

    def __init__(self, columns):
        self._columns = columns
        n, d = columns.shape
        values, vectors = eigh(columns.gram(), overwrite_a=True, check_finite=False)
        values, vectors = values[::-1], vectors[:, ::-1]
        kept = values > values[0] * max(n, d) * np.finfo(np.float64).eps
        self.values, self._vectors = values[kept], vectors[:, kept]
        self._of_columns = d <= n

    def class_parts(self, codes, n_classes):
        """Project the classes' indicators on the left singular vectors of F.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,), int
            Classes.
        n_classes : int
            How many there are.

        Returns
        -------
        ndarray of shape (n_directions, n_classes)
        """
        if not self._of_columns:
            return self._vectors.T @ indicators(codes, n_classes)
        sums = self._columns.class_sums(codes, n_classes)
        return self._vectors.T @ sums.T / np.sqrt(self.values)[:, None]

    def components(self, n_components):
        """Compute the first principal components of the rows.

        Parameters
        ----------
        n_components : int
            How many; fewer where there are fewer directions.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        vectors = self._vectors[:, :n_components]
        if not self._of_columns:
            return vectors * np.sqrt(self.values[:n_components])
        parts = [block @ vectors for _, block in self._columns.row_blocks()]
        return np.concatenate(parts)
