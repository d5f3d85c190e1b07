"""Random functions of several numbers, for many tables at once."""

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
    """Give each column of each table mean 0 and, if it varies, variance 1."""
    x = x - x.mean(axis=1, keepdims=True)
    scale = x.std(axis=1, keepdims=True)
    return x / np.where(scale > 1e-6, scale, 1.0)


def activate(x, rng):
    """Apply one of the activations, drawn at random, to each column alike."""
    return _ACTIVATIONS[rng.integers(len(_ACTIVATIONS))](x)


def sparse_matrix(shape, rng):
    """Draw a matrix for each table; some of its rows count for little or nothing."""
    weight = rng.normal(size=shape)
    importance = rng.exponential(size=shape[:2]) ** rng.uniform(0, 2)
    importance *= rng.random(shape[:2]) < rng.uniform(0.2, 1.0)
    return weight * importance[:, :, None]


def linear(x, n_out, rng):
    """Draw sums of weighted columns."""
    return x @ sparse_matrix((len(x), x.shape[2], n_out), rng)


def additive(x, n_out, rng):
    """Draw weighted sums of slopes and bends of the columns."""
    shape = (len(x), 1, x.shape[2])
    steepness = np.exp(rng.normal(size=shape))
    bent = standardize(np.tanh(steepness * (x - rng.normal(size=shape))))
    share = rng.beta(0.7, 0.7, size=shape)
    return linear(share * bent + (1 - share) * x, n_out, rng)


def network(x, n_out, rng):
    """Draw networks of one or two hidden layers."""
    for _ in range(rng.integers(1, 3)):
        width = int(rng.integers(4, 17))
        hidden = standardize(linear(x, width, rng))
        x = activate(hidden + rng.normal(size=(len(x), 1, width)), rng)
    return linear(x, n_out, rng)


def trees(x, n_out, rng):
    """Draw sums of trees that split all rows of a level by the same threshold."""
    n_tables, n_rows, n_columns = x.shape
    result = np.zeros((n_tables, n_rows, n_out))
    tables = np.arange(n_tables)[:, None]
    for _ in range(rng.integers(1, 9)):
        depth = int(rng.integers(1, 6))
        leaf = np.zeros((n_tables, n_rows), dtype=int)
        for _ in range(depth):
            column = x[tables[:, 0], :, rng.integers(n_columns, size=n_tables)]
            # A threshold at one of the rows is within the column's values.
            at = column[tables[:, 0], rng.integers(n_rows, size=n_tables)]
            leaf = 2 * leaf + (column > at[:, None])
        values = rng.normal(size=(n_tables, 2**depth, n_out))
        result += values[tables, leaf]
    return result


def prototypes(x, n_out, rng):
    """Draw values that are those of the nearest of a few points."""
    n_tables, n_rows, n_columns = x.shape
    n_points = int(rng.integers(2, 13))
    scale = rng.exponential(size=(n_tables, 1, n_columns))
    points = x[:, rng.integers(n_rows, size=n_points)] * scale
    distance = (points**2).sum(axis=2)[:, None] - 2 * (x * scale) @ points.transpose(
        0, 2, 1
    )
    values = rng.normal(size=(n_tables, n_points, n_out))
    return values[np.arange(n_tables)[:, None], distance.argmin(axis=2)]


KINDS = (linear, additive, network, trees, prototypes)
