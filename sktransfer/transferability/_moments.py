"""Moments of a large matrix, computed in blocks and in float64."""

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_array
from sklearn.utils import gen_batches

from sktransfer._large_arrays import take_rows

_BLOCK_BYTES = 1 << 25
# A column with a smaller standard deviation, relative to its mean, is constant: the
# rest is rounding.
_CONSTANT = 1e-12


def draw_rows(n, size):
    """Draw up to `size` sorted row indices; they are the same in each call."""
    drawn = np.random.default_rng(0).choice(n, min(n, size), replace=False)
    return np.sort(drawn)


class Columns:
    """A matrix whose columns are shifted and scaled when its blocks are read.

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
        """Number of rows and number of columns."""
        return len(self.rows), self._X.shape[1]

    def select_rows(self, rows):
        """Return the same columns with some of the rows."""
        part = object.__new__(Columns)
        part.__dict__ |= self.__dict__ | {"rows": rows}
        return part

    def row_blocks(self):
        """Yield a slice of row positions, and these rows in float64."""
        n, d = self.shape
        for part in gen_batches(n, max(1, _BLOCK_BYTES // (8 * d))):
            rows = take_rows(self._X, self.rows[part]).astype(np.float64)
            rows -= self.mean
            rows /= self.scale
            yield part, rows

    def read_columns(self, part):
        """Return some columns of all rows, in float64.

        Parameters
        ----------
        part : slice
            The columns.

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
        """
        columns = self._X[self.rows, part].astype(np.float64)
        columns -= self.mean[part]
        columns /= self.scale[part]
        return columns

    def divide_by_maximum(self):
        """Divide by the maximum absolute value, so that squares do not overflow."""
        maximum = max(np.abs(block).max() for _, block in self.row_blocks())
        if maximum > 0:
            self.scale = self.scale * maximum

    def divide_by_deviation(self):
        """Divide each column by its standard deviation; constant columns become 0."""
        squares = sum(np.square(block).sum(axis=0) for _, block in self.row_blocks())
        deviation = np.sqrt(squares / len(self.rows))
        constant = deviation * self.scale <= _CONSTANT * np.abs(self.mean)
        self.scale = self.scale * np.where(constant, np.inf, deviation)

    def gram(self):
        """Compute the Gram matrix of the columns, or of the rows if they are fewer.

        Returns
        -------
        ndarray of shape (n_features, n_features) or (n_samples, n_samples)
        """
        n, d = self.shape
        if d <= n:
            blocks = (rows.T for _, rows in self.row_blocks())
        else:
            parts = gen_batches(d, max(1, _BLOCK_BYTES // (8 * n)))
            blocks = (self.read_columns(part) for part in parts)
        total = np.zeros((min(n, d),) * 2)
        for block in blocks:
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
    """Singular values and vectors of a matrix, without those that are only rounding.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Real numbers. F is X divided by its maximum absolute value.
    centered : bool, default=True
        Whether columns are shifted to a mean of 0.
    standardized : bool, default=False
        Whether columns are divided by their standard deviation.

    Attributes
    ----------
    columns : Columns
        The matrix F.
    values : ndarray of shape (n_directions,)
        Squared singular values of F above 0, in decreasing order.
    """

    def __init__(self, X, *, centered=True, standardized=False):
        self.columns = columns = Columns(X, centered=centered)
        columns.divide_by_maximum()
        if standardized:
            columns.divide_by_deviation()
        n, d = columns.shape
        values, vectors = eigh(columns.gram(), overwrite_a=True, check_finite=False)
        values, vectors = values[::-1], vectors[:, ::-1]
        is_positive = values > values[0] * max(n, d) * np.finfo(np.float64).eps
        self.values, self._vectors = values[is_positive], vectors[:, is_positive]
        self._has_right_vectors = d <= n

    def project_classes(self, codes, n_classes):
        """Project class indicators on the left singular vectors of F.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,), int
            Classes.
        n_classes : int
            Number of classes.

        Returns
        -------
        ndarray of shape (n_directions, n_classes)
        """
        if not self._has_right_vectors:
            return self._vectors.T @ indicators(codes, n_classes)
        sums = self.columns.class_sums(codes, n_classes)
        return self._vectors.T @ sums.T / np.sqrt(self.values)[:, None]

    def components(self, n_components):
        """Compute the first principal components of the rows.

        Parameters
        ----------
        n_components : int
            Maximum number of components.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        vectors = self._vectors[:, :n_components]
        if not self._has_right_vectors:
            return vectors * np.sqrt(self.values[:n_components])
        parts = [block @ vectors for _, block in self.columns.row_blocks()]
        return np.concatenate(parts)
