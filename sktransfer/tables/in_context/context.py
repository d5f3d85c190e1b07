"""From labeled rows to a Backbone of the tabular network that knows them."""

import functools

import numpy as np
from scipy.stats import norm

from sktransfer._large_arrays import take_rows
from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone
from sktransfer.tables.in_context.network import GROUP, MAX_CLASSES

# Views that are averaged: fewer of many rows, which differ less and take longer; more
# where there are more classes than codes.
N_VIEWS, _N_VIEWS_OF_MANY, _N_VIEWS_OF_CODES = 4, 2, 16
_MANY_ROWS = 512
# Every second view sees the ranks of columns with this many values or more.
_RANKED_VALUES = 8
# Rows that a view holds at most, of more it has a sample of its own.
MAX_ROWS = 1024
_LEAST_ROWS = 32
# Columns that a view sees at most; wider tables are shared out among more views.
MAX_COLUMNS, _MOST_VIEWS = 96, 16
# Every second view sees categories as columns of their own, but for rare ones of many.
_MOST_CATEGORIES = 64


@functools.lru_cache(maxsize=64)
def _architecture(**sizes):
    """Return a Backbone, and the paths of its weights in their order."""
    from sktransfer.tables.in_context.in_context import make_in_context_model
    from sktransfer.tables.in_context.pretrained import SIZES

    with preserve_random_state():
        model = make_in_context_model(**sizes, **SIZES)
        backbone = Backbone.from_flat_model(model)
    return backbone, [variable.path for variable in model.weights]


def in_context_backbone(
    X,
    index,
    y,
    sample_weight,
    n_classes,
    network,
    rng,
    *,
    n_views=None,
    is_target=None,
    nominal=(),
):
    """Make a Backbone that classifies rows by labeled ones.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        Rows; NaN is missing.
    index : ndarray of shape (n,), int
        The labeled rows.
    y : ndarray of shape (n,), int
        Their class indices.
    sample_weight : ndarray of shape (n,)
        Their weights: a row of weight 2 counts as two.
    n_classes : int
        Number of classes, each of which has a row.
    network : dict of str to ndarray
        Weights of the network by path.
    rng : numpy.random.Generator
        Draws the views.
    n_views : int or None, default=None
        Number of views; None is 4, or 2 of more than 512 rows, or 16 of more than 10
        classes, or up to 16 of more than 96 columns in a view.
    is_target : ndarray of shape (n,), bool, or None, default=None
        Which of the labeled rows are of a target, as are all rows to classify; one
        more column says so.
    nominal : sequence of int, default=()
        Columns of categories that have no order.

    Returns
    -------
    Backbone
        Its features are class scores, and its head passes them on.
    """
    n_given = 0 if is_target is None else 1
    n_columns = X.shape[1]
    used = np.flatnonzero(sample_weight > 0)
    of_column, category = _categories(X, index[used], sample_weight[used], nominal)
    if n_views is None:
        n_views = N_VIEWS if len(used) <= _MANY_ROWS else _N_VIEWS_OF_MANY
        if n_classes > MAX_CLASSES:
            n_views = _N_VIEWS_OF_CODES
        needed = -(-(n_columns + len(category)) // (MAX_COLUMNS - n_given))
        n_views = max(n_views, min(needed, _MOST_VIEWS))
    columns = _columns_of_views(n_columns, n_given, of_column, n_views, rng)
    codes = _codes(n_classes, n_views, rng)
    n_rows = _rows_to_fill(min(len(used), MAX_ROWS))
    if len(used) <= MAX_ROWS:
        bags = [used]
    else:
        bags = [_bag(used, y, rng) for _ in range(n_views)]
    x = np.zeros((len(bags), n_rows, n_columns + n_given))
    scores = np.zeros_like(x)
    labels = np.full((len(bags), n_rows), -1)
    log_weight = np.zeros((len(bags), n_rows))
    for i, bag in enumerate(bags):
        x[i, : len(bag), :n_columns] = take_rows(X, index[bag])
        if n_given:
            x[i, : len(bag), n_columns] = is_target[bag]
        labels[i, : len(bag)] = y[bag]
        log_weight[i, : len(bag)] = np.log(sample_weight[bag])
    first = slice(0, len(bags[0]))
    has_ranks = np.array(
        [len(np.unique(column)) >= _RANKED_VALUES for column in x[0, first].T]
    )
    for i, bag in enumerate(bags):
        rows = slice(0, len(bag))
        scores[i, rows] = x[i, rows]
        for j in np.flatnonzero(has_ranks):
            scores[i, rows, j] = _normal_scores(
                x[i, rows, j], x[0, first, j], sample_weight[bags[0]]
            )
    backbone, _ = _architecture(
        n_columns=n_columns,
        n_rows=n_rows,
        n_bags=len(bags),
        n_views=n_views,
        n_classes=n_classes,
        n_given=n_given,
        n_categories=len(category),
        n_seen=columns.shape[1],
    )
    context = {
        "x": x,
        "scores": scores,
        "has_ranks": has_ranks,
        "sees_ranks": np.arange(n_views) % 2,
        "given": np.ones(n_given),
        "y": labels,
        "log_weight": log_weight,
        "of_column": of_column,
        "category": category,
        "columns": columns,
        "codes": codes,
    }
    weights = network | {f"context/{name}": value for name, value in context.items()}
    return backbone.replace(
        weights=[
            # Values keep their type, as rows to classify do.
            np.asarray(weights[path], np.int32 if old.dtype == np.int32 else None)
            for path, old in zip(_paths(), backbone.weights, strict=True)
        ],
        head=[np.eye(n_classes), np.zeros(n_classes)],
    )


def network_of(backbone, weights=None):
    """Return the weights of the network alone, by path.

    Parameters
    ----------
    backbone : Backbone
        From :func:`in_context_backbone`.
    weights : list of ndarray or None, default=None
        Other weights of it, in place of its own.

    Returns
    -------
    dict of str to ndarray
    """
    weights = backbone.weights if weights is None else weights
    return {
        path: value
        for path, value in zip(_paths(), weights, strict=True)
        if not path.startswith("context/")
    }


def with_network(backbone, network):
    """Return the weights of a backbone with those of the network replaced.

    Parameters
    ----------
    backbone : Backbone
        From :func:`in_context_backbone`.
    network : dict of str to ndarray
        From :func:`network_of`.

    Returns
    -------
    list of ndarray
    """
    pairs = zip(_paths(), backbone.weights, strict=True)
    return [network.get(path, value) for path, value in pairs]


def _paths():
    """Paths of the weights in their order, which is that of any such backbone."""
    return _architecture(
        n_columns=GROUP, n_rows=_LEAST_ROWS, n_bags=1, n_views=1, n_classes=2
    )[1]


def _categories(X, index, sample_weight, nominal):
    """Find the categories that get a column: the frequent ones, of three or more."""
    found = []
    for j in nominal:
        values = X[index, j]
        known = ~np.isnan(values)
        categories, of_row = np.unique(values[known], return_inverse=True)
        if len(categories) > 2:
            weights = np.bincount(of_row, weights=sample_weight[known])
            found += zip(-weights, [j] * len(categories), categories, strict=True)
    found = sorted(found)[:_MOST_CATEGORIES]
    return (
        np.array([j for _, j, _ in found], dtype=int),
        np.array([category for _, _, category in found]),
    )


def _columns_of_views(n_columns, n_given, of_column, n_views, rng):
    """Draw which columns each view sees, and their order."""
    n_known = n_columns + n_given
    given = np.arange(n_columns, n_known)
    order = rng.permutation(n_known + len(of_column))
    by_position = order[order < n_columns]
    by_category = order[~np.isin(order, [*of_column, *given])]
    n_most, seen = MAX_COLUMNS - n_given, []
    for i in range(n_views):
        # By ranks or by values, each of both kinds.
        kind = (by_position, by_category)[(i + 1) // 2 % 2]
        seen.append(np.sort([*np.roll(kind, -i * n_most)[:n_most], *given]))
    in_tokens = -(-max(map(len, seen)) // GROUP) * GROUP
    columns = np.full((n_views, in_tokens), n_known + len(of_column))
    for row, kind in zip(columns, seen, strict=True):
        row[rng.permutation(in_tokens)[: len(kind)]] = rng.permutation(kind)
    return columns


def _codes(n_classes, n_views, rng):
    """Draw the codes of the classes in each view."""
    codes = np.empty((n_views, n_classes), dtype=int)
    order = rng.permutation(n_classes)
    for i in range(n_views):
        codes[i, order] = np.arange(n_classes) % MAX_CLASSES
        # Every second view sees the classes in the opposite order.
        order = order[::-1] if i % 2 == 0 else rng.permutation(n_classes)
    return codes


def _normal_scores(values, reference, weight):
    """Compute normal scores by ranks in a reference; NaN stays."""
    known = ~np.isnan(reference)
    order = np.argsort(reference[known])
    reference, weight = reference[known][order], weight[known][order]
    up_to = np.concatenate([[0.0], np.cumsum(weight)])
    sides = [np.searchsorted(reference, values, side) for side in ("left", "right")]
    share = (up_to[sides].mean(axis=0) + 0.5) / (up_to[-1] + 1)
    return np.where(np.isnan(values), np.nan, norm.ppf(share))


def _rows_to_fill(n):
    """Round up in steps of at most a half, so that folds share a program."""
    size = _LEAST_ROWS
    while size < n:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return size


def _bag(used, y, rng):
    """Draw rows, one of each class among them."""
    shuffled = rng.permutation(used)
    _, first = np.unique(y[shuffled], return_index=True)
    rest = np.setdiff1d(np.arange(len(shuffled)), first)
    return shuffled[np.concatenate([first, rest])[:MAX_ROWS]]
