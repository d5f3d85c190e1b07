"""The table network as a Backbone, and its context: the views of labeled samples."""

import numpy as np
from scipy.stats import norm

from sktransfer._caches import cached
from sktransfer._large_arrays import take_rows
from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone
from sktransfer.tables.in_context.in_context import make_in_context_model
from sktransfer.tables.in_context.network import GROUP, MAX_CLASSES, make_network
from sktransfer.tables.in_context.pretrained import SIZES, network_weights
from sktransfer.tables.in_context.views import INTEGER_FIELDS, Views

# Number of views to average. Many samples need fewer, as their views differ less and
# take longer. More classes than codes need more.
N_VIEWS, _N_VIEWS_MANY_SAMPLES, _N_VIEWS_MANY_CLASSES = 4, 2, 16
_MANY_SAMPLES = 512
# Every second view uses normal scores of the columns with this many values or more.
_MIN_RANKED_VALUES = 8
# Maximum number of rows in a view. From more samples, each view has a random subset.
MAX_ROWS = 1024
_MIN_ROWS = 32
# Maximum number of columns in a view. The columns of wider tables are spread over more
# views.
MAX_COLUMNS, _MAX_VIEWS = 96, 16
MAX_TABLE_COLUMNS = MAX_COLUMNS * _MAX_VIEWS
# Maximum number of categories with a column of their own, in every second view.
_MAX_CATEGORIES = 64


@cached("architecture of the table network", 1 << 24, lambda pair: pair[0].nbytes)
def _network():
    """Return a Backbone of the network without a context, and paths of its weights."""
    with preserve_random_state():
        model = make_network(**SIZES)
        backbone = Backbone.from_flat_model(model, pretrained=True)
    backbone = backbone.replace(input_shape=(None,), learns_in_context=True)
    return backbone, [variable.path for variable in model.weights]


@cached("architectures of fine-tuned tables", 1 << 26, lambda pair: pair[0].nbytes)
def _network_with_context(n_columns, **sizes):
    """Return a Backbone of the network with a context, and the paths of its weights."""
    with preserve_random_state():
        model = make_in_context_model(n_columns, sizes, SIZES)
        backbone = Backbone.from_flat_model(model)
    return backbone, [variable.path for variable in model.weights]


def network_backbone(weights, seed):
    """Make a Backbone of the table network without a context.

    Parameters
    ----------
    weights : str, path-like or None
        "auto" for the pretrained weights of the package, None for random weights, or
        the path of a weights file.
    seed : int
        Seed of random weights.

    Returns
    -------
    Backbone
    """
    backbone, paths = _network()
    values = network_weights(weights, seed)
    return backbone.replace(
        weights=[values[path] for path in paths], pretrained=weights is not None
    )


def make_context(
    samples,
    n_classes,
    rng,
    *,
    n_estimators=None,
    n_views=None,
    max_rows=MAX_ROWS,
    is_target=None,
    nominal=(),
):
    """Draw views of the labeled samples.

    Parameters
    ----------
    samples : Samples
        Labeled samples with class indices as y. NaN in X is a missing value. A sample
        of weight 2 is the same as two samples.
    n_classes : int
        Number of classes; each has a sample.
    rng : numpy.random.Generator
        Random generator of the views.
    n_estimators : int or None, default=None
        Least number of views. None is 4, and 2 for more than 512 samples. More than 10
        classes need 16 views, and more than 96 columns up to 16.
    n_views : int or None, default=None
        Number of views, whatever is needed. None follows `n_estimators`.
    max_rows : int, default=1024
        Maximum number of samples in a view.
    is_target : ndarray of shape (n,), bool, or None, default=None
        Which of the labeled samples are of a target. It becomes one more column. All
        samples to predict are of the target.
    nominal : sequence of int, default=()
        Columns with categories that have no order.

    Returns
    -------
    Views
        Views with read-only arrays.
    """
    X, index = samples.X.reshape(len(samples.X), -1), samples.index
    y, sample_weight = samples.y, samples.sample_weight
    n_fixed = 0 if is_target is None else 1
    n_columns = X.shape[1]
    used = np.flatnonzero(sample_weight > 0)
    category_column, category = _categories(
        X, index[used], sample_weight[used], nominal
    )
    if n_estimators is None:
        n_estimators = N_VIEWS if len(used) <= _MANY_SAMPLES else _N_VIEWS_MANY_SAMPLES
    if n_views is None:
        needed = _n_views_needed(n_classes, n_columns + len(category), n_fixed)
        n_views = max(int(n_estimators), needed)
    columns = _draw_columns(n_columns, n_fixed, category_column, n_views, rng)
    codes = _codes(n_classes, n_views, rng)
    n_rows = _padded_size(min(len(used), max_rows))
    bags = [used]
    if len(used) > max_rows:
        bags = [used[draw_rows(y[used], max_rows, rng)] for _ in range(n_views)]
    x = np.zeros((len(bags), n_rows, n_columns + n_fixed))
    labels = np.full((len(bags), n_rows), -1)
    log_weight = np.zeros((len(bags), n_rows))
    for i, bag in enumerate(bags):
        x[i, : len(bag), :n_columns] = take_rows(X, index[bag])
        if n_fixed:
            x[i, : len(bag), n_columns] = is_target[bag]
        labels[i, : len(bag)] = y[bag]
        log_weight[i, : len(bag)] = np.log(sample_weight[bag])
    has_ranks = np.array(
        [
            len(np.unique(column)) >= _MIN_RANKED_VALUES
            for column in x[0, : len(bags[0])].T
        ]
    )
    views = Views(
        x=x,
        scores=_scores(x, bags, has_ranks, sample_weight),
        has_ranks=has_ranks,
        sees_ranks=np.arange(n_views) % 2,
        fixed=np.ones(n_fixed),
        y=labels,
        log_weight=log_weight,
        category_column=category_column,
        category=category,
        columns=columns,
        codes=codes,
    )
    return Views(*(_read_only(name, value) for name, value in views._asdict().items()))


def _n_views_needed(n_classes, n_columns, n_fixed):
    """Return the number of views that many classes, or many columns, need."""
    for_classes = _N_VIEWS_MANY_CLASSES if n_classes > MAX_CLASSES else 1
    for_columns = -(-n_columns // (MAX_COLUMNS - n_fixed))
    return max(for_classes, min(for_columns, _MAX_VIEWS))


def _scores(x, bags, has_ranks, sample_weight):
    """Compute normal scores of the columns with ranks; other columns do not change."""
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


def _read_only(name, value):
    array = np.array(value, np.int32 if name in INTEGER_FIELDS else np.float64)
    array.flags.writeable = False
    return array


def with_context(network, context):
    """Add a context to a network, as weights that are not trained.

    Parameters
    ----------
    network : Backbone
        Result of :func:`network_backbone`.
    context : Views
        Result of :func:`make_context`.

    Returns
    -------
    Backbone
        Network that computes the class scores of samples.
    """
    n_fixed, n_columns = len(context.fixed), context.x.shape[2]
    backbone, paths = _network_with_context(
        n_columns=n_columns - n_fixed,
        n_rows=context.x.shape[1],
        n_bags=len(context.x),
        n_views=len(context.columns),
        n_classes=context.codes.shape[1],
        n_fixed=n_fixed,
        n_categories=len(context.category),
        n_seen=context.columns.shape[1],
    )
    values = dict(zip(_network()[1], network.weights, strict=True))
    values |= {f"context/{name}": value for name, value in context._asdict().items()}
    return backbone.replace(weights=[values[path] for path in paths])


def without_context(weights):
    """Remove the context from the weights of a network.

    Parameters
    ----------
    weights : list of ndarray
        Weights of a Backbone with a context.

    Returns
    -------
    list of ndarray
        Weights of a Backbone without a context.
    """
    # The order of the weights does not depend on the sizes.
    _, paths = _network_with_context(
        n_columns=GROUP, n_rows=_MIN_ROWS, n_bags=1, n_views=1, n_classes=2
    )
    values = dict(zip(paths, weights, strict=True))
    return [values[path] for path in _network()[1]]


def _categories(X, index, sample_weight, nominal):
    """Choose the categories with a column of their own: the most frequent ones.

    Columns with one or two categories need none.
    """
    chosen = []
    for j in nominal:
        values = X[index, j]
        is_known = ~np.isnan(values)
        categories, position = np.unique(values[is_known], return_inverse=True)
        if len(categories) > 2:
            weights = np.bincount(position, weights=sample_weight[is_known])
            chosen += zip(-weights, [j] * len(categories), categories, strict=True)
    chosen = sorted(chosen)[:_MAX_CATEGORIES]
    return (
        np.array([j for _, j, _ in chosen], dtype=int),
        np.array([category for _, _, category in chosen]),
    )


def _draw_columns(n_columns, n_fixed, category_column, n_views, rng):
    """Draw the columns of each view and their order."""
    n_values = n_columns + n_fixed
    fixed = np.arange(n_columns, n_values)
    order = rng.permutation(n_values + len(category_column))
    by_position = order[order < n_columns]
    by_category = order[~np.isin(order, [*category_column, *fixed])]
    n_most, chosen = MAX_COLUMNS - n_fixed, []
    for i in range(n_views):
        # Views with ranks and views with values have both kinds of columns.
        candidates = (by_position, by_category)[(i + 1) // 2 % 2]
        chosen.append(np.sort([*np.roll(candidates, -i * n_most)[:n_most], *fixed]))
    n_view_columns = -(-max(map(len, chosen)) // GROUP) * GROUP
    columns = np.full((n_views, n_view_columns), n_values + len(category_column))
    for row, view in zip(columns, chosen, strict=True):
        row[rng.permutation(n_view_columns)[: len(view)]] = rng.permutation(view)
    return columns


def _codes(n_classes, n_views, rng):
    """Draw the codes of the classes in each view."""
    codes = np.empty((n_views, n_classes), dtype=int)
    order = rng.permutation(n_classes)
    for i in range(n_views):
        codes[i, order] = np.arange(n_classes) % MAX_CLASSES
        # Every second view has the opposite order.
        order = order[::-1] if i % 2 == 0 else rng.permutation(n_classes)
    return codes


def _normal_scores(values, reference, weight):
    """Compute normal scores from the ranks in a reference; NaN does not change."""
    is_known = ~np.isnan(reference)
    order = np.argsort(reference[is_known])
    reference, weight = reference[is_known][order], weight[is_known][order]
    cumulative = np.concatenate([[0.0], np.cumsum(weight)])
    sides = [np.searchsorted(reference, values, side) for side in ("left", "right")]
    quantile = (cumulative[sides].mean(axis=0) + 0.5) / (cumulative[-1] + 1)
    return np.where(np.isnan(values), np.nan, norm.ppf(quantile))


def _padded_size(n):
    """Round a number of rows up by at most a half, so that folds share a program."""
    size = _MIN_ROWS
    while size < n:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return size


def draw_rows(y, n, rng):
    """Draw rows at random, with at least one of each class.

    Parameters
    ----------
    y : ndarray of shape (n_rows,), int
        Class indices.
    n : int
        Number of rows to draw, if there are so many.
    rng : numpy.random.Generator
        Random generator.

    Returns
    -------
    ndarray of int
        Positions of the rows, in random order.
    """
    shuffled = rng.permutation(len(y))
    _, first = np.unique(y[shuffled], return_index=True)
    rest = np.setdiff1d(np.arange(len(shuffled)), first)
    return shuffled[np.concatenate([first, rest])[:n]]
