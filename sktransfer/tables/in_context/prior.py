"""The prior: random tables with classes, on which the tabular network is trained."""

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

# Tables that share what is drawn once for several, such as the kind of function.
_TOGETHER = 4


class Tables(NamedTuple):
    """Tables of one shape.

    Attributes
    ----------
    x : ndarray of shape (n_tables, n_rows, n_columns), float32
        Values; NaN is missing. Columns that a table does not have are 0.
    y : ndarray of shape (n_tables, n_rows), int32
        Class indices.
    """

    x: np.ndarray
    y: np.ndarray


def draw_tables(rng, n_tables, n_rows, n_columns, *, hardness=1.0, most_noise=3.0):
    """Draw tables from the prior.

    A table's columns are correlated numbers, or nodes of a random network in which each
    node is a function of those before it and noise; some are cut to levels, made
    categories, skewed or made to lack values. The class is a function of the columns,
    or another node of the network, cut to classes: a weighted sum, of the columns or of
    bends of them, a small network, trees, or the nearest of some points, and noise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of everything.
    n_tables, n_rows, n_columns : int
        Number of tables, and their shape; a table may have fewer columns.
    hardness : float, default=1.0
        From 0, where the class is a nearly noiseless weighted sum or small network of
        clean columns and there are two or three classes, to 1, the whole prior.
    most_noise : float, default=3.0
        Greatest standard deviation of the noise in tables of hardness 1; that of the
        signal is 1.

    Returns
    -------
    Tables
    """
    x = np.zeros((n_tables, n_rows, n_columns), dtype=np.float32)
    y = np.zeros((n_tables, n_rows), dtype=np.int32)
    for start in range(0, n_tables, _TOGETHER):
        part = slice(start, min(start + _TOGETHER, n_tables))
        n = int(np.ceil(n_columns * rng.beta(1.2, 1.0)))
        n = min(max(n, 2), n_columns)
        columns, y[part] = _draw(
            rng, part.stop - start, n_rows, n, hardness, most_noise
        )
        # The network does not know the order of columns, but those of a token.
        order = rng.permutation(n_columns)[:n]
        x[part][:, :, order] = columns
    return Tables(x, y)


def _draw(rng, n_tables, n_rows, n_columns, hardness, most_noise):
    n_classes = _number_of_classes(rng, hardness)
    n_scores = 1 if rng.random() < 0.5 else n_classes
    shape = (n_tables, n_rows, n_columns)
    if rng.random() < 0.5 * hardness:
        nodes = _graph(rng, n_tables, n_rows, n_columns + n_scores)
        columns, scores = nodes[:, :, n_scores:], nodes[:, :, :n_scores]
        if rng.random() < 0.4:
            # Of all nodes, those that the table does not show among them.
            scores = _function(rng, hardness)(nodes, n_scores, rng)
        columns = _as_measured(columns, rng, hardness)
    else:
        columns = _as_measured(_correlated(rng, shape), rng, hardness)
        scores = _function(rng, hardness)(standardize(columns), n_scores, rng)
    noise = np.exp(rng.uniform(np.log(0.02), np.log(0.02 + most_noise * hardness)))
    scores = standardize(scores) + noise * rng.normal(size=scores.shape)
    y = _classes(scores, n_classes, rng)
    if rng.random() < 0.2 * hardness:
        columns = _with_gaps(columns, rng)
    return columns, y


def _number_of_classes(rng, hardness):
    if rng.random() < 0.6 or hardness < 0.1:
        return int(rng.integers(2, 4))
    return int(rng.integers(2, 2 + np.ceil(hardness * (MAX_CLASSES - 1))))


def _function(rng, hardness):
    if rng.random() > hardness:
        return (linear, network)[rng.integers(2)]
    return KINDS[rng.integers(len(KINDS))]


def _correlated(rng, shape):
    """Draw columns that have some directions in common."""
    n_tables, n_rows, n_columns = shape
    own = rng.normal(size=shape)
    if rng.random() < 0.3:
        own = rng.uniform(-1.7, 1.7, size=shape)
    n_common = int(rng.integers(1, n_columns + 1))
    common = rng.normal(size=(n_tables, n_rows, n_common))
    mixed = common @ rng.normal(size=(n_tables, n_common, n_columns))
    share = rng.beta(0.7, 1.0)
    return standardize(share * standardize(mixed) + (1 - share) * own)


def _graph(rng, n_tables, n_rows, n_nodes):
    """Draw a network of layers, and some of its nodes."""
    width = int(max(rng.integers(4, 17), np.ceil(n_nodes / 2)))
    layer = rng.normal(size=(n_tables, n_rows, width))
    if rng.random() < 0.3:
        # Rows that come in clusters.
        centers = rng.normal(size=(n_tables, int(rng.integers(2, 9)), width))
        of_row = rng.integers(centers.shape[1], size=(n_tables, n_rows))
        layer = 0.5 * layer + 1.5 * centers[np.arange(n_tables)[:, None], of_row]
    noise = np.exp(rng.uniform(np.log(0.01), np.log(0.5)))
    layers = []
    for _ in range(rng.integers(2, 6)):
        kernel = sparse_matrix((n_tables, width, width), rng)
        layer = standardize(activate(standardize(layer @ kernel), rng))
        layer = layer + noise * rng.normal(size=layer.shape)
        layers.append(layer)
    nodes = np.concatenate(layers, axis=2)
    return standardize(nodes[:, :, rng.permutation(nodes.shape[2])[:n_nodes]])


def _as_measured(columns, rng, hardness):
    """Skew some columns, and cut some to levels or to categories without an order."""
    columns = columns.copy()
    share = hardness * rng.beta(0.7, 0.7)
    for j in np.flatnonzero(rng.random(columns.shape[2]) < share):
        column, kind = columns[:, :, j], rng.random()
        if kind < 0.3:
            power = rng.uniform(1, 4)
            column = np.sign(column) * np.abs(column) ** power
        elif kind < 0.45:
            column = np.exp(np.clip(rng.uniform(0.5, 2) * column, -6, 6))
        else:
            n_levels = int(rng.integers(2, 4 if rng.random() < 0.5 else 13))
            inner = np.sort(rng.uniform(0.02, 0.98, n_levels - 1))
            level = np.zeros(column.shape, dtype=int)
            for at in np.quantile(column, inner, axis=1):
                level += column > at[:, None]
            values = np.arange(n_levels, dtype=float)
            if kind > 0.7:
                values = rng.permutation(values)
            column = values[level]
        columns[:, :, j] = column
    return columns


def _classes(scores, n_classes, rng):
    """Cut scores to classes, of which each table has at least one row or none."""
    n_tables = len(scores)
    if scores.shape[2] > 1:
        bias = rng.uniform(0, 1) * rng.normal(size=(n_tables, 1, n_classes))
        return (scores + bias).argmax(axis=2)
    shares = rng.dirichlet(np.full(n_classes, rng.uniform(0.8, 6)), size=n_tables)
    edges = np.cumsum(shares, axis=1)[:, :-1]
    rank = scores[:, :, 0].argsort(axis=1).argsort(axis=1) / scores.shape[1]
    level = (rank[:, :, None] > edges[:, None]).sum(axis=2)
    names = rng.permuted(np.tile(np.arange(n_classes), (n_tables, 1)), axis=1)
    return np.take_along_axis(names, level, axis=1)


def _with_gaps(columns, rng):
    rates = rng.uniform(0, 0.5, columns.shape[2]) * (rng.random(columns.shape[2]) < 0.5)
    return np.where(rng.random(columns.shape) < rates, np.nan, columns)
