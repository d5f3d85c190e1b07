"""The table network as a Backbone, and the context: the views of labeled samples."""

import numpy as np
from scipy.stats import norm

from sktransfer._caches import cached
from sktransfer._large_arrays import take_rows
from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone
from sktransfer.tables.in_context.in_context import make_in_context_model
from sktransfer.tables.in_context.network import GROUP, MAX_CLASSES, make_network
from sktransfer.tables.in_context.pretrained import SIZES, network_weights
from sktransfer.tables.in_context.views import Views

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


@cached("architecture of the table network", 1 << 24, lambda pair: pair[0].nbytes)
def _network():
    """Return a Backbone of the network alone, and the paths of its weights."""
    with preserve_random_state():
        model = make_network(**SIZES)
        backbone = Backbone.from_flat_model(model, pretrained=True)
    backbone = backbone.replace(input_shape=(None,), learns_in_context=True)
    return backbone, [variable.path for variable in model.weights]


@cached("architectures of fine-tuned tables", 1 << 26, lambda pair: pair[0].nbytes)
def _network_with_context(n_columns, **sizes):
    """Return a Backbone with labeled samples in it, and the paths of its weights."""
    with preserve_random_state():
        model = make_in_context_model(n_columns, sizes, SIZES)
        backbone = Backbone.from_flat_model(model)
    return backbone, [variable.path for variable in model.weights]


def network_backbone(weights, seed):
    """Make a Backbone of the table network, without labeled samples in it.

    Parameters
    ----------
    weights : str, path-like or None
        "auto" for those of the package, None for fresh ones, or a weights file.
    seed : int
        Seed of fresh weights.

    Returns
    -------
    Backbone
    """
    backbone, paths = _network()
    values = network_weights(weights, seed)
    return backbone.replace(
        weights=[values[path] for path in paths], pretrained=weights is not None
    )


def make_context(samples, n_classes, rng, *, n_views=None, is_target=None, nominal=()):
    """Draw the views in which the network sees the labeled samples.

    Parameters
    ----------
    samples : Samples
        Labeled samples with class indices: X of shape (n_rows, n_columns), where NaN
        is missing. A sample of weight 2 counts as two.
    n_classes : int
        Number of classes, each of which has a sample.
    rng : numpy.random.Generator
        Draws the views.
    n_views : int or None, default=None
        Number of views; None is 4, or 2 of more than 512 samples, or 16 of more than
        10 classes, or up to 16 of more than 96 columns in a view.
    is_target : ndarray of shape (n,), bool, or None, default=None
        Which of the labeled samples are of a target, as are all samples to classify;
        one more column holds it.
    nominal : sequence of int, default=()
        Columns of categories that have no order.

    Returns
    -------
    Views
        Of read-only arrays.
    """
    X, index = samples.X.reshape(len(samples.X), -1), samples.index
    y, sample_weight = samples.y, samples.sample_weight
    n_given = 0 if is_target is None else 1
    n_columns = X.shape[1]
    used = np.flatnonzero(sample_weight > 0)
    category_column, category = _categories(
        X, index[used], sample_weight[used], nominal
    )
    if n_views is None:
        n_views = _choose_n_views(
            len(used), n_classes, n_columns + len(category), n_given
        )
    columns = _columns_of_views(n_columns, n_given, category_column, n_views, rng)
    codes = _codes(n_classes, n_views, rng)
    n_rows = _rows_to_fill(min(len(used), MAX_ROWS))
    bags = [used]
    if len(used) > MAX_ROWS:
        bags = [_bag(used, y, rng) for _ in range(n_views)]
    x = np.zeros((len(bags), n_rows, n_columns + n_given))
    labels = np.full((len(bags), n_rows), -1)
    log_weight = np.zeros((len(bags), n_rows))
    for i, bag in enumerate(bags):
        x[i, : len(bag), :n_columns] = take_rows(X, index[bag])
        if n_given:
            x[i, : len(bag), n_columns] = is_target[bag]
        labels[i, : len(bag)] = y[bag]
        log_weight[i, : len(bag)] = np.log(sample_weight[bag])
    has_ranks = np.array(
        [len(np.unique(column)) >= _RANKED_VALUES for column in x[0, : len(bags[0])].T]
    )
    views = Views(
        x=x,
        scores=_scores(x, bags, has_ranks, sample_weight),
        has_ranks=has_ranks,
        sees_ranks=np.arange(n_views) % 2,
        given=np.ones(n_given),
        y=labels,
        log_weight=log_weight,
        of_column=category_column,
        category=category,
        columns=columns,
        codes=codes,
    )
    return Views(*(_read_only(name, value) for name, value in views._asdict().items()))


def _choose_n_views(n_samples, n_classes, n_columns, n_given):
    n_views = N_VIEWS if n_samples <= _MANY_ROWS else _N_VIEWS_OF_MANY
    if n_classes > MAX_CLASSES:
        n_views = _N_VIEWS_OF_CODES
    needed = -(-n_columns // (MAX_COLUMNS - n_given))
    return max(n_views, min(needed, _MOST_VIEWS))


def _scores(x, bags, has_ranks, sample_weight):
    """Compute the normal scores of the columns with ranks; others keep their values."""
    scores = np.zeros_like(x)
    reference, reference_weight = x[0, : len(bags[0])], sample_weight[bags[0]]
    for i, bag in enumerate(bags):
        rows = slice(0, len(bag))
        scores[i, rows] = x[i, rows]
        for j in np.flatnonzero(has_ranks):
            scores[i, rows, j] = _normal_scores(
                x[i, rows, j], reference[:, j], reference_weight
            )
    return scores


_INTEGERS = {"has_ranks", "sees_ranks", "y", "of_column", "columns", "codes"}


def _read_only(name, value):
    array = np.array(value, np.int32 if name in _INTEGERS else np.float64)
    array.flags.writeable = False
    return array


def with_context(network, context):
    """Put labeled samples into a network, as weights that are not trained.

    Parameters
    ----------
    network : Backbone
        From :func:`network_backbone`.
    context : Views
        From :func:`make_context`.

    Returns
    -------
    Backbone
        From a sample to class scores.
    """
    n_given, n_columns = len(context.given), context.x.shape[2]
    backbone, paths = _network_with_context(
        n_columns=n_columns - n_given,
        n_rows=context.x.shape[1],
        n_bags=len(context.x),
        n_views=len(context.columns),
        n_classes=context.codes.shape[1],
        n_given=n_given,
        n_categories=len(context.category),
        n_seen=context.columns.shape[1],
    )
    values = dict(zip(_network()[1], network.weights, strict=True))
    values |= {f"context/{name}": value for name, value in context._asdict().items()}
    return backbone.replace(weights=[values[path] for path in paths])


def without_context(weights):
    """Return the weights of the network, from those of a network with a context.

    Parameters
    ----------
    weights : list of ndarray
        Weights of a Backbone of :func:`with_context`.

    Returns
    -------
    list of ndarray
        In the order of those of :func:`network_backbone`.
    """
    # The order of the weights does not depend on the table.
    _, paths = _network_with_context(
        n_columns=GROUP, n_rows=_LEAST_ROWS, n_bags=1, n_views=1, n_classes=2
    )
    values = dict(zip(paths, weights, strict=True))
    return [values[path] for path in _network()[1]]


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
