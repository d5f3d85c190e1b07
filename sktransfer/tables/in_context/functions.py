"""Random functions of several columns, drawn for many tables at once.

Functions with the arguments ``x, n_outputs, rng`` draw a function for each table and
apply it: x of shape (n_tables, n_rows, n_columns) becomes values of shape
(n_tables, n_rows, n_outputs).
"""

import numpy as np

_ACTIVATIONS = (
    np.tanh,
    np.abs,
    np.sin,
    lambda x: np.maximum(x, 0),
    lambda x: np.sign(x),
    lambda x: np.exp(-(x**2)),
    lambda x: x,
)


def standardize(x):
    """Scale each column of each table to mean 0 and, if it varies, variance 1."""
    x = x - x.mean(axis=1, keepdims=True)
    scale = x.std(axis=1, keepdims=True)
    return x / np.where(scale > 1e-6, scale, 1.0)


def activate(x, rng):
    """Apply the same randomly drawn activation to all columns."""
    return _ACTIVATIONS[rng.integers(len(_ACTIVATIONS))](x)


def sparse_matrix(shape, rng):
    """Draw a matrix for each table; some of its rows are zero or small."""
    weight = rng.normal(size=shape)
    importance = rng.exponential(size=shape[:2]) ** rng.uniform(0, 2)
    importance *= rng.random(shape[:2]) < rng.uniform(0.2, 1.0)
    return weight * importance[:, :, None]


def linear(x, n_outputs, rng):
    """Draw weighted sums of the columns."""
    return x @ sparse_matrix((len(x), x.shape[2], n_outputs), rng)


def additive(x, n_outputs, rng):
    """Draw weighted sums of linear and S-shaped functions of the columns."""
    shape = (len(x), 1, x.shape[2])
    steepness = np.exp(rng.normal(size=shape))
    curved = standardize(np.tanh(steepness * (x - rng.normal(size=shape))))
    fraction = rng.beta(0.7, 0.7, size=shape)
    return linear(fraction * curved + (1 - fraction) * x, n_outputs, rng)


def network(x, n_outputs, rng):
    """Draw networks with one or two hidden layers."""
    for _ in range(rng.integers(1, 3)):
        width = int(rng.integers(4, 17))
        hidden = standardize(linear(x, width, rng))
        x = activate(hidden + rng.normal(size=(len(x), 1, width)), rng)
    return linear(x, n_outputs, rng)


def trees(x, n_outputs, rng):
    """Draw sums of trees; all nodes of a level have the same column and threshold."""
    n_tables, n_rows, n_columns = x.shape
    result = np.zeros((n_tables, n_rows, n_outputs))
    tables = np.arange(n_tables)[:, None]
    for _ in range(rng.integers(1, 9)):
        depth = int(rng.integers(1, 6))
        leaf = np.zeros((n_tables, n_rows), dtype=int)
        for _ in range(depth):
            column = x[tables[:, 0], :, rng.integers(n_columns, size=n_tables)]
            # The threshold is the value of a row, so that it is in the column's range.
            threshold = column[tables[:, 0], rng.integers(n_rows, size=n_tables)]
            leaf = 2 * leaf + (column > threshold[:, None])
        values = rng.normal(size=(n_tables, 2**depth, n_outputs))
        result += values[tables, leaf]
    return result


def prototypes(x, n_outputs, rng):
    """Draw a few points with values; each row gets the value of the nearest point."""
    n_tables, n_rows, n_columns = x.shape
    n_points = int(rng.integers(2, 13))
    scale = rng.exponential(size=(n_tables, 1, n_columns))
    points = x[:, rng.integers(n_rows, size=n_points)] * scale
    distance = (points**2).sum(axis=2)[:, None] - 2 * (x * scale) @ points.transpose(
        0, 2, 1
    )
    values = rng.normal(size=(n_tables, n_points, n_outputs))
    return values[np.arange(n_tables)[:, None], distance.argmin(axis=2)]


KINDS = (linear, additive, network, trees, prototypes)
