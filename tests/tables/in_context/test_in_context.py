"""The tabular network with its context, as a model of single rows."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.stats import norm, rankdata

from sktransfer.tables.in_context.context import (
    MAX_ROWS,
    make_context,
    network_backbone,
    with_context,
    without_context,
)
from sktransfer.tables.in_context.network import make_network
from sktransfer.tables.in_context.predict import class_scores
from sktransfer.tables.in_context.pretrained import SIZES, network_weights
from sktransfer.training.store.samples import Samples


@pytest.fixture(scope="module")
def network():
    return network_weights("auto", 0)


def table(n=30, n_columns=5, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_columns)).astype(np.float32)
    return X, np.arange(n) % n_classes, rng


def context_of(X, y, *, sample_weight=None, seed=0, **options):
    n = len(X)
    weight = np.ones(n) if sample_weight is None else sample_weight
    samples = Samples(X, np.arange(n), y, weight)
    return make_context(samples, y.max() + 1, np.random.default_rng(seed), **options)


def model_of(X, y, dtype="float32", **options):
    """The network with labeled samples in it, as it is fine-tuned."""
    network = network_backbone("auto", 0)
    return with_context(network, context_of(X, y, **options)).build(dtype=dtype)


def scores_of(context, rows, dtype="float32"):
    return class_scores(network_backbone("auto", 0), context, rows, dtype)


def tensors(context):
    """The views with tensors in place of arrays."""
    return type(context)(
        *(
            ops.convert_to_tensor(a, "int32" if a.dtype == np.int32 else "float32")
            for a in context
        )
    )


def numpy_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize(
    ("n_classes", "dtype"), [(2, "float32"), (10, "float32"), (15, "float64")]
)
def test_what_is_remembered_gives_what_the_whole_gives(n_classes, dtype):
    X, y, rng = table(n_classes=n_classes)
    X[::7, 1] = np.nan
    rows = rng.normal(size=(8, 5))
    rows[0, 2] = np.nan
    model = model_of(X, y, dtype)
    np.testing.assert_allclose(
        numpy_of(model(ops.convert_to_tensor(rows, dtype))),
        scores_of(context_of(X, y), rows, dtype),
        atol=1e-4 if dtype == "float32" else 1e-11,
    )


def with_categories(n=60, n_categories=5):
    X, y, rng = table(n, n_columns=4)
    X[:, 2] = np.arange(n) % n_categories
    X[:10, 2] = np.nan
    return X, y, rng


def test_every_second_view_sees_categories_as_columns():
    X, y, rng = with_categories()
    model = model_of(X, y, nominal=[2])
    context = context_of(X, y, nominal=[2])
    views = tensors(context)
    seen, _, _ = map(numpy_of, views.labeled())
    asked = numpy_of(views.prepare(ops.convert_to_tensor(X)))
    # Four columns, or three and five categories, and zeros.
    assert seen.shape == (4, 64, 9)
    np.testing.assert_allclose(seen[:, :60], asked, atol=1e-6)
    shown = [
        (np.nan_to_num(view, nan=-1).std(axis=0) > 0).sum() for view in seen[:, :60]
    ]
    assert shown == [4, 8, 8, 4]
    columns = {tuple(column) for column in seen[1, :60].T}
    assert all(tuple((X[:, 2] == category) * 1.0) in columns for category in range(5))
    rows = X[rng.permutation(60)[:7]]
    np.testing.assert_allclose(
        numpy_of(model(rows)),
        scores_of(context, rows),
        atol=1e-4,
    )


def test_of_many_categories_the_rare_ones_share_columns():
    X, y, _ = with_categories(300, 100)
    X[:200, 2] = 7
    views = context_of(X, y, nominal=[2])
    assert len(numpy_of(views.category)) == 64
    assert numpy_of(views.category)[0] == 7


def test_two_categories_are_told_by_their_positions():
    X, y, _ = with_categories(n_categories=2)
    views = context_of(X, y, nominal=[2])
    assert len(numpy_of(views.category)) == 0


def test_the_views_give_what_the_network_gives(network):
    X, y, rng = table()
    rows = rng.normal(size=(4, 5)).astype(np.float32)
    context = context_of(X, y, n_views=3)
    whole = make_network(**SIZES)
    for variable in whole.weights:
        variable.assign(network[variable.path])
    expected = []
    ranks = norm.ppf([(rankdata(X, axis=0)[i]) / 31 for i in range(30)])
    for i, (columns, codes) in enumerate(
        zip(numpy_of(context.columns), numpy_of(context.codes), strict=True)
    ):
        both = np.concatenate([X, rows])
        if i == 1:
            below = (rows[:, None] > X).sum(axis=1)
            both = np.concatenate([ranks, norm.ppf((below + 0.5) / 31)])
        both = np.concatenate([both, np.zeros((len(both), 1))], axis=1)[:, columns]
        labels = np.concatenate([codes[y], np.full(len(rows), -1)])
        inputs = [both[None], labels[None], np.zeros((1, len(both)))]
        scores = numpy_of(whole(inputs))[0, len(X) :]
        log_proba = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        expected.append(log_proba[:, codes])
    np.testing.assert_allclose(
        scores_of(context, rows), np.mean(expected, axis=0), atol=1e-4
    )


def test_ranks_are_those_of_repeated_rows_and_leave_gaps_alone():
    X, y, rng = table(40)
    X[::5, 2] = np.nan
    X[:, 3] = np.arange(40) % 4
    X[:, 4] = np.round(X[:, 4], 1)
    weight = rng.integers(1, 4, 40)
    layer = tensors(context_of(X, y, sample_weight=weight))
    twice = np.repeat(X, weight, axis=0)
    other = tensors(context_of(twice, np.repeat(y, weight)))
    found = numpy_of(layer.normal_scores(X))
    np.testing.assert_allclose(found, numpy_of(layer.scores)[0, :40], atol=1e-5)
    np.testing.assert_allclose(found, numpy_of(other.normal_scores(X)), atol=1e-5)
    assert np.isnan(found[::5, 2]).all()
    np.testing.assert_array_equal(found[:, 3], X[:, 3])
    expected = norm.ppf(rankdata(twice[:, 0]) / (len(twice) + 1))
    np.testing.assert_allclose(np.repeat(found[:, 0], weight), expected, atol=1e-5)


def test_in_training_a_row_is_not_told_its_own_label():
    X, y, _ = table()
    X[3, 0] = np.nan
    model = model_of(X, y, n_views=1)
    others = np.arange(30) >= 4
    without = model_of(X[others], y[others], n_views=1)
    found = numpy_of(model(X[:4], training=True))
    np.testing.assert_allclose(found, numpy_of(without(X[:4])), atol=1e-4)
    assert np.abs(found - numpy_of(model(X[:4]))).max() > 1e-2


def test_more_rows_than_a_view_holds():
    n = 2 * MAX_ROWS
    X, y, _ = table(n)
    y = y % 2
    y[17] = 2
    context = context_of(X, y)
    labels = numpy_of(context.y)
    assert labels.shape[1] == MAX_ROWS
    assert len(labels) > 1
    assert not np.array_equal(numpy_of(context.x)[0], numpy_of(context.x)[1])
    assert ((labels == 2).sum(axis=1) == 1).all()


def test_the_rows_of_the_context_are_rounded_up_by_half_at_most():
    for n in (2, 33, 50, 65, 100, 300, 1000):
        X, y, _ = table(n, n_classes=2)
        shape = context_of(X, y).x.shape[1]
        assert n <= shape <= max(32, 1.5 * n)


def test_views_differ_in_columns_and_codes():
    X, y, _ = table(n_columns=8, n_classes=8)
    context = context_of(X, y)
    columns, codes = numpy_of(context.columns), numpy_of(context.codes)
    assert len({tuple(row) for row in columns}) == len(columns)
    assert len({tuple(row) for row in codes}) == len(codes)
    for row in columns:
        # One of the nine is filled with zeros.
        assert sorted(row) == list(range(9))
    for row in codes:
        assert sorted(row) == list(range(8))


def test_more_classes_than_codes_are_told_apart():
    X, y, _ = table(60, n_classes=30)
    codes = context_of(X, y).codes
    assert codes.max() == 9
    assert len({tuple(column) for column in codes.T}) == 30


def test_given_columns_are_those_of_the_target():
    X, y, rng = table(40)
    is_target = np.arange(40) < 20
    context = context_of(X, y, is_target=is_target)
    with_column = np.concatenate([X, is_target[:, None]], axis=1)
    rows = rng.normal(size=(5, 5)).astype(np.float32)
    with_given = np.concatenate([rows, np.ones((5, 1), np.float32)], axis=1)
    np.testing.assert_allclose(
        scores_of(context, rows),
        scores_of(context_of(with_column, y), with_given),
        atol=1e-5,
    )


def test_views_share_the_columns_of_a_wide_table():
    X, y, _ = table(40, n_columns=500)
    is_target = np.arange(40) < 20
    columns = context_of(X, y, is_target=is_target).columns
    assert columns.shape == (6, 96)
    assert set(columns.ravel()) == set(range(501))
    # Each sees which rows are of the target.
    assert (columns == 500).any(axis=1).all()


def test_weights_of_the_network_out_and_in_again():
    X, y, _ = table()
    network = network_backbone("auto", 0)
    inside = with_context(network, context_of(X, y))
    weights = without_context([2 * array for array in inside.weights])
    for value, original in zip(weights, network.weights, strict=True):
        np.testing.assert_array_equal(value, 2 * original)


def test_layers_and_depths():
    backbone = network_backbone("auto", 0)
    names = [row["name"] for row in backbone.layers_table() if row["depth"]]
    assert sorted(names[:2]) == ["cells", "labels"]
    assert names[2:] == [
        "block_1",
        "block_2",
        "block_3",
        "norm",
        "hidden",
        "scores",
    ]
