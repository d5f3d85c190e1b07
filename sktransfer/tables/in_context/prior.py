"""The prior: random tables with classes, on which the table network is trained."""

from typing import NamedTuple

import numpy as np

from sktransfer.tables.in_context.functions import (
    KINDS,
    activate,
    linear,
    network,
    sparse_matrix,
    standardize,
)
from sktransfer.tables.in_context.network import MAX_CLASSES

# Number of tables that share random choices, such as the kind of function.
_GROUP_SIZE = 4


class Tables(NamedTuple):
    """Tables of one shape.

    Attributes
    ----------
    x : ndarray of shape (n_tables, n_rows, n_columns), float32
        Values; NaN for missing ones. Unused columns of a table are 0.
    y : ndarray of shape (n_tables, n_rows), int32
        Class indices.
    """

    x: np.ndarray
    y: np.ndarray


def draw_tables(rng, n_tables, n_rows, n_columns, *, hardness=1.0, max_noise=3.0):
    """Draw tables from the prior.

    The columns of a table are correlated numbers, or nodes of a random network. In such
    a network each node is a function of earlier nodes and noise. Some columns become
    levels or categories, some are skewed, some get missing values.

    The class comes from scores with noise. The scores are a function of the columns or
    other nodes of the network. Functions are weighted sums, of the columns or of curved
    functions of them, small networks, trees, and values of the nearest of some points.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all random numbers.
    n_tables, n_rows, n_columns : int
        Number of tables and their shape. A table may use fewer columns.
    hardness : float, default=1.0
        From 0 to 1. At 0 there are two or three classes, with little noise, and no
        changed columns; the function is a weighted sum or a small network. At 1 tables
        come from the whole prior.
    max_noise : float, default=3.0
        Greatest standard deviation of the noise in tables of hardness 1. The standard
        deviation of the signal is 1.

    Returns
    -------
    Tables
    """
    x = np.zeros((n_tables, n_rows, n_columns), dtype=np.float32)
    y = np.zeros((n_tables, n_rows), dtype=np.int32)
    for start in range(0, n_tables, _GROUP_SIZE):
        part = slice(start, min(start + _GROUP_SIZE, n_tables))
        n = int(np.ceil(n_columns * rng.beta(1.2, 1.0)))
        n = min(max(n, 2), n_columns)
        columns, y[part] = _draw(rng, part.stop - start, n_rows, n, hardness, max_noise)
        # The order matters: adjacent columns share a token of the network.
        order = rng.permutation(n_columns)[:n]
        x[part][:, :, order] = columns
    return Tables(x, y)


def _draw(rng, n_tables, n_rows, n_columns, hardness, max_noise):
    n_classes = _draw_n_classes(rng, hardness)
    n_scores = 1 if rng.random() < 0.5 else n_classes
    shape = (n_tables, n_rows, n_columns)
    if rng.random() < 0.5 * hardness:
        nodes = _draw_nodes(rng, n_tables, n_rows, n_columns + n_scores)
        columns, scores = nodes[:, :, n_scores:], nodes[:, :, :n_scores]
        if rng.random() < 0.4:
            # Scores are a function of all nodes, also of those that are no columns.
            scores = _draw_function(rng, hardness)(nodes, n_scores, rng)
        columns = _transform_columns(columns, rng, hardness)
    else:
        columns = _transform_columns(_draw_correlated(rng, shape), rng, hardness)
        scores = _draw_function(rng, hardness)(standardize(columns), n_scores, rng)
    noise = np.exp(rng.uniform(np.log(0.02), np.log(0.02 + max_noise * hardness)))
    scores = standardize(scores) + noise * rng.normal(size=scores.shape)
    y = _to_classes(scores, n_classes, rng)
    if rng.random() < 0.2 * hardness:
        columns = _remove_values(columns, rng)
    return columns, y


def _draw_n_classes(rng, hardness):
    if rng.random() < 0.6 or hardness < 0.1:
        return int(rng.integers(2, 4))
    return int(rng.integers(2, 2 + np.ceil(hardness * (MAX_CLASSES - 1))))


def _draw_function(rng, hardness):
    if rng.random() > hardness:
        return (linear, network)[rng.integers(2)]
    return KINDS[rng.integers(len(KINDS))]


def _draw_correlated(rng, shape):
    """Draw columns that depend on common factors."""
    n_tables, n_rows, n_columns = shape
    independent = rng.normal(size=shape)
    if rng.random() < 0.3:
        independent = rng.uniform(-1.7, 1.7, size=shape)
    n_factors = int(rng.integers(1, n_columns + 1))
    factors = rng.normal(size=(n_tables, n_rows, n_factors))
    common = factors @ rng.normal(size=(n_tables, n_factors, n_columns))
    fraction = rng.beta(0.7, 1.0)
    return standardize(fraction * standardize(common) + (1 - fraction) * independent)


def _draw_nodes(rng, n_tables, n_rows, n_nodes):
    """Draw a network with several layers; return some of its nodes."""
    width = int(max(rng.integers(4, 17), np.ceil(n_nodes / 2)))
    layer = rng.normal(size=(n_tables, n_rows, width))
    if rng.random() < 0.3:
        # The rows form clusters.
        centers = rng.normal(size=(n_tables, int(rng.integers(2, 9)), width))
        cluster = rng.integers(centers.shape[1], size=(n_tables, n_rows))
        layer = 0.5 * layer + 1.5 * centers[np.arange(n_tables)[:, None], cluster]
    noise = np.exp(rng.uniform(np.log(0.01), np.log(0.5)))
    layers = []
    for _ in range(rng.integers(2, 6)):
        kernel = sparse_matrix((n_tables, width, width), rng)
        layer = standardize(activate(standardize(layer @ kernel), rng))
        layer = layer + noise * rng.normal(size=layer.shape)
        layers.append(layer)
    nodes = np.concatenate(layers, axis=2)
    return standardize(nodes[:, :, rng.permutation(nodes.shape[2])[:n_nodes]])


def _transform_columns(columns, rng, hardness):
    """Skew some columns, and turn some into levels or categories without an order."""
    columns = columns.copy()
    fraction = hardness * rng.beta(0.7, 0.7)
    for j in np.flatnonzero(rng.random(columns.shape[2]) < fraction):
        column, kind = columns[:, :, j], rng.random()
        if kind < 0.3:
            power = rng.uniform(1, 4)
            column = np.sign(column) * np.abs(column) ** power
        elif kind < 0.45:
            column = np.exp(np.clip(rng.uniform(0.5, 2) * column, -6, 6))
        else:
            n_levels = int(rng.integers(2, 4 if rng.random() < 0.5 else 13))
            quantiles = np.sort(rng.uniform(0.02, 0.98, n_levels - 1))
            level = np.zeros(column.shape, dtype=int)
            for threshold in np.quantile(column, quantiles, axis=1):
                level += column > threshold[:, None]
            values = np.arange(n_levels, dtype=float)
            if kind > 0.7:
                values = rng.permutation(values)
            column = values[level]
        columns[:, :, j] = column
    return columns


def _to_classes(scores, n_classes, rng):
    """Turn scores into classes; a table may have no row of some classes."""
    n_tables = len(scores)
    if scores.shape[2] > 1:
        bias = rng.uniform(0, 1) * rng.normal(size=(n_tables, 1, n_classes))
        return (scores + bias).argmax(axis=2)
    priors = rng.dirichlet(np.full(n_classes, rng.uniform(0.8, 6)), size=n_tables)
    edges = np.cumsum(priors, axis=1)[:, :-1]
    rank = scores[:, :, 0].argsort(axis=1).argsort(axis=1) / scores.shape[1]
    level = (rank[:, :, None] > edges[:, None]).sum(axis=2)
    classes = rng.permuted(np.tile(np.arange(n_classes), (n_tables, 1)), axis=1)
    return np.take_along_axis(classes, level, axis=1)


def _remove_values(columns, rng):
    rates = rng.uniform(0, 0.5, columns.shape[2]) * (rng.random(columns.shape[2]) < 0.5)
    return np.where(rng.random(columns.shape) < rates, np.nan, columns)
