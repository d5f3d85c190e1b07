"""Standardization of the columns of a table, in float64 whatever their units."""

from dataclasses import dataclass

import numpy as np

from sktransfer._large_arrays import is_mapped, take_rows

_CHUNK_BYTES = 1 << 25
# Deviations that layers can divide by. Smaller values are 0 in TensorFlow's arithmetic.
_KERAS_RANGE = 1e-30, 1e30
# A column whose range is at most so many roundings of its values is constant.
_ROUNDINGS = 8
# Standardized values are cut here, so that they and their squares are in the range of
# float32.
_LIMIT = 1e9


class NetworkInputs:
    """Inputs of a network, which columns of a table become, also by layers."""

    def before(self, network, input_shape):
        """Put the layers that compute the inputs before a live network.

        Parameters
        ----------
        network : keras.Model
            Model of the inputs.
        input_shape : tuple
            Shape of a sample, with `n_columns` values.

        Returns
        -------
        keras.Model
            Model of samples, in the precision of the network.

        Raises
        ------
        ValueError
            If the values of a column are out of the range of float32.
        """
        import keras

        dtype = network.inputs[0].dtype
        inputs = keras.Input(input_shape, dtype=dtype)
        x = inputs
        if len(input_shape) > 1:
            x = keras.layers.Flatten(name="flatten", dtype=dtype)(x)
        model = keras.Model(inputs, network(self.apply_layers(x)), name=network.name)
        # Otherwise a float64 sample would be rounded before the first layer.
        model.dtype_policy = dtype
        return model


@dataclass(frozen=True, eq=False)
class Standardization(NetworkInputs):
    """Columns of a table as inputs of a network: mean 0, standard deviation 1.

    Attributes
    ----------
    columns : ndarray of shape (n_used,), int
        Columns that are used, in the order of the inputs.
    mean : ndarray of shape (n_used,), float64
        Their weighted means.
    scale : ndarray of shape (n_used,), float64
        Their weighted standard deviations; infinite for a constant column, which
        becomes 0.
    width : int
        Number of inputs of the network. Inputs without a column are 0.
    n_columns : int
        Number of columns of a sample.
    """

    columns: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    width: int
    n_columns: int

    @classmethod
    def fit(cls, X, index, sample_weight, *, width=None):
        """Compute means and standard deviations.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
            Samples, also a np.memmap. NaN is a missing value.
        index : ndarray of shape (n_train,), int
            Positions of the training samples.
        sample_weight : ndarray of shape (n_train,)
            Their weights. Samples of weight 0 are left out.
        width : int or None, default=None
            Number of inputs of the network. None is the number of columns.

        Returns
        -------
        Standardization
        """
        is_used = sample_weight > 0
        index, sample_weight = index[is_used], sample_weight[is_used]
        # Only ratios matter, and a sum of large weights may overflow.
        sample_weight = sample_weight / sample_weight.max()
        step = max(1, _CHUNK_BYTES // (8 * X.shape[1]))
        total = _Moments.none(X.shape[1])
        for start in range(0, len(index), step):
            part = slice(start, start + step)
            chunk = take_rows(X, index[part]).astype(np.float64)
            total = total.merge(_Moments.of(chunk, sample_weight[part]))
        precision = np.finfo(X.dtype if X.dtype.kind == "f" else np.float64).eps
        magnitude = np.maximum(np.abs(total.low), np.abs(total.high))
        # Without a division of values of different sign, whose range may overflow.
        varies = total.high / 2 - total.low / 2 > _ROUNDINGS * precision * magnitude / 2
        varies &= total.deviation > 0
        n_columns = X.shape[1]
        return cls(
            np.arange(n_columns),
            total.mean,
            np.where(varies, total.deviation, np.inf),
            n_columns if width is None else width,
            n_columns,
        )

    def select(self, columns):
        """Return the standardization of some of the columns, in this order."""
        return Standardization(
            self.columns[columns],
            self.mean[columns],
            self.scale[columns],
            len(columns),
            self.n_columns,
        )

    def transform(self, X, dtype=np.float64):
        """Standardize samples.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
            Samples; NaN stays NaN.
        dtype : dtype, default=float64
            Type of the result.

        Returns
        -------
        ndarray of shape (n_samples, width)
            Rows of a np.memmap are standardized when they are read.
        """
        if is_mapped(X):
            return StandardizedRows(X, self, np.dtype(dtype))
        return self.transform_rows(X, dtype)

    def transform_rows(self, X, dtype):
        """Standardize samples in memory; see :meth:`transform`."""
        # Halves do not overflow, and a half is exact.
        halves = X[:, self.columns].astype(np.float64) / 2
        halves -= self.mean / 2
        halves /= self.scale / 2
        np.clip(halves, -_LIMIT, _LIMIT, out=halves)
        if self.width == len(self.columns):
            return halves.astype(dtype, copy=False)
        inputs = np.zeros((len(X), self.width), dtype)
        inputs[:, : len(self.columns)] = halves
        return inputs

    def rounding(self, dtype):
        """Return how much rounding of samples changes their standardized values.

        Parameters
        ----------
        dtype : dtype
            Type that samples are rounded to.

        Returns
        -------
        ndarray of shape (n_used,), float64
        """
        return 4 * np.finfo(dtype).eps * (1 + np.abs(self.mean) / self.scale)

    def apply_layers(self, x):
        """Standardize a symbolic tensor by layers.

        Parameters
        ----------
        x : keras.KerasTensor of shape (n, n_columns)
            Samples.

        Returns
        -------
        keras.KerasTensor of shape (n, width)

        Raises
        ------
        ValueError
            If the values of a column are out of the range of float32.
        """
        import keras

        layer = {"dtype": x.dtype}
        self._check_range()
        if not np.array_equal(self.columns, np.arange(self.n_columns)):
            x = keras.ops.take(x, self.columns, axis=1)
        n_more = self.width - len(self.columns)
        if not len(self.columns):
            return keras.ops.pad(x, [[0, 0], [0, n_more]])
        # Keras rounds the parameters of the layers to float32. So the mean is
        # subtracted in two parts; the second one is what is left after that rounding.
        rounded = self.mean.astype(np.float32).astype(np.float64)
        factor = 1 / self.scale
        rest = (rounded - self.mean) * factor
        x = keras.layers.Rescaling(1.0, (-rounded).tolist(), name="center", **layer)(x)
        x = keras.layers.Rescaling(
            factor.tolist(), rest.tolist(), name="scale", **layer
        )(x)
        x = keras.ops.clip(x, -_LIMIT, _LIMIT)
        return keras.ops.pad(x, [[0, 0], [0, n_more]]) if n_more else x

    def _check_range(self):
        """Raise ValueError if layers of Keras cannot compute the standardization."""
        low, high = _KERAS_RANGE
        varies = np.isfinite(self.scale)
        is_bad = varies & ((self.scale < low) | (self.scale > high))
        is_bad |= varies & (np.abs(self.mean) > high)
        if is_bad.any():
            column = self.columns[np.flatnonzero(is_bad)[0]]
            raise ValueError(
                f"Column {column} of X has a mean or a standard deviation that layers "
                f"of Keras cannot compute with: expected {low:g} to {high:g}. Scale "
                "the column before fit."
            )


@dataclass(frozen=True)
class _Moments:
    """Weight, mean, standard deviation and range of the known values of columns."""

    weight: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def none(cls, n_columns):
        """Return the moments of no samples."""
        zeros = np.zeros(n_columns)
        return cls(zeros, zeros, zeros, zeros + np.inf, zeros - np.inf)

    @classmethod
    def of(cls, X, sample_weight):
        """Compute the moments of samples, without overflow or underflow."""
        is_known = ~np.isnan(X)
        weight = np.where(is_known, sample_weight[:, None], 0.0)
        total = weight.sum(axis=0)
        share = weight / np.where(total > 0, total, 1.0)
        values = np.where(is_known, X, 0.0)
        # A division by a power of 2 is exact.
        _, exponent = np.frexp(np.abs(values).max(axis=0))
        values = np.ldexp(values, -exponent)
        mean = np.einsum("ij,ij->j", share, values)
        distance = np.where(is_known, values - mean, 0.0)
        largest = np.abs(distance).max(axis=0)
        distance = distance / np.where(largest > 0, largest, 1.0)
        deviation = largest * np.sqrt(np.einsum("ij,ij->j", share, distance**2))
        return cls(
            total,
            np.ldexp(mean, exponent),
            np.ldexp(deviation, exponent),
            np.where(is_known, X, np.inf).min(axis=0),
            np.where(is_known, X, -np.inf).max(axis=0),
        )

    def merge(self, other):
        """Return the moments of both sets of samples."""
        total = self.weight + other.weight
        share = other.weight / np.where(total > 0, total, 1.0)
        difference = other.mean - self.mean
        unit = np.maximum(self.deviation, other.deviation)
        unit = np.maximum(unit, np.abs(difference))
        unit = np.where(unit > 0, unit, 1.0)
        variance = (
            (1 - share) * (self.deviation / unit) ** 2
            + share * (other.deviation / unit) ** 2
            + share * (1 - share) * (difference / unit) ** 2
        )
        deviation = np.where(share == 1, other.deviation, unit * np.sqrt(variance))
        return _Moments(
            total,
            np.where(share == 1, other.mean, self.mean + share * difference),
            np.where(share == 0, self.deviation, deviation),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


class StandardizedRows:
    """Rows of a table, which are standardized or encoded when they are read.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
        Samples, also a np.memmap.
    standardization : Standardization or TableEncoding
        Transforms rows.
    dtype : dtype
        Type of the rows.
    """

    ndim = 2

    def __init__(self, X, standardization, dtype):
        self._X, self._standardization, self.dtype = X, standardization, dtype
        self.shape = len(X), standardization.width

    @property
    def nbytes(self):
        """Size of all standardized rows, in bytes."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        if isinstance(index, slice):
            index = np.arange(*index.indices(len(self)))
        rows = np.asarray(take_rows(self._X, index))
        return self._standardization.transform_rows(rows, self.dtype)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype=dtype)
