"""What the tabular network must not depend on, and what it must."""

import keras
import numpy as np
import pytest

from sktransfer.tables.in_context.network import MAX_CLASSES, make_network

N_CONTEXT, N_QUERIES = 20, 8


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return make_network(width=16, n_blocks=2, n_heads=2)


def table(seed=0, n_columns=6, n_classes=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N_CONTEXT + N_QUERIES, n_columns)).astype(np.float32)
    y = np.full(len(x), -1)
    y[:N_CONTEXT] = np.arange(N_CONTEXT) % n_classes
    return x, y


def scores(network, x, y, weight=None):
    """Scores of the classes of the rows that are not in the context."""
    weight = np.ones(len(x)) if weight is None else weight
    inputs = [x, y, np.log(weight).astype(np.float32)]
    found = network([array[None] for array in inputs])
    return keras.ops.convert_to_numpy(found)[0][y < 0]


def assert_same(one, other, n_classes=3):
    np.testing.assert_allclose(one[:, :n_classes], other[:, :n_classes], atol=1e-4)


def test_tells_rows_and_contexts_apart(network):
    x, y = table()
    found = scores(network, x, y)
    assert found[:, :3].std(axis=0).min() > 1e-3
    assert np.abs(found - scores(network, *table(1)))[:, :3].max() > 1e-2


def test_a_weight_of_two_is_the_row_twice(network):
    x, y = table()
    weight = np.ones(len(x))
    weight[:5] = 2
    twice = np.concatenate([np.arange(5), np.arange(len(x))])
    assert_same(scores(network, x, y, weight), scores(network, x[twice], y[twice]))
    assert np.abs(scores(network, x, y, weight) - scores(network, x, y)).max() > 1e-3


def test_the_order_of_the_context_does_not_count(network):
    x, y = table()
    order = np.random.default_rng(0).permutation(N_CONTEXT)
    order = np.concatenate([order, np.arange(N_CONTEXT, len(x))])
    assert_same(scores(network, x, y), scores(network, x[order], y[order]))


def test_the_order_of_the_tokens_does_not_count(network):
    x, y = table()
    assert_same(scores(network, x, y), scores(network, x[:, [3, 4, 5, 0, 1, 2]], y))


def test_rows_to_predict_do_not_see_each_other(network):
    x, y = table()
    kept = np.arange(N_CONTEXT + 1)
    assert_same(scores(network, x, y)[:1], scores(network, x[kept], y[kept]))


def test_units_do_not_count(network):
    x, y = table()
    scale, offset = np.array([1e3, 1e-3, 1, 5, 1, 1]), np.array([50, 0, -3, 0, 1, 0])
    assert_same(scores(network, x, y), scores(network, x * scale + offset, y))


@pytest.mark.parametrize("value", [0.0, 7.3])
def test_constant_columns_do_not_count(network, value):
    x, y = table()
    padded = np.concatenate([x, np.full((len(x), 6), value)], axis=1)
    assert_same(scores(network, x, y), scores(network, padded, y))


def test_what_is_missing_counts(network):
    x, y = table()
    some = x.copy()
    some[::2, 1] = np.nan
    found = scores(network, some, y)
    assert np.isfinite(found).all()
    assert np.abs(found - scores(network, x, y))[:, :3].max() > 1e-3
    nothing = np.full_like(x, np.nan)
    assert np.isfinite(scores(network, nothing, y)).all()


@pytest.mark.parametrize("n_classes", [2, 3, MAX_CLASSES])
def test_classes_that_the_context_lacks(network, n_classes):
    x, y = table(n_classes=n_classes)
    found = scores(network, x, y)
    assert np.abs(found[:, :n_classes]).max() < 100
    assert (found[:, n_classes:] < -1e8).all()


def test_saved_and_loaded(network, tmp_path):
    x, y = table()
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(scores(network, x, y), scores(loaded, x, y))


def test_size():
    assert make_network().count_params() < 200_000
