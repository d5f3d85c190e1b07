"""Columns of tables as inputs of a network."""

import keras
import numpy as np
import pandas as pd
import pytest

from sktransfer._inputs import encoding as encoding_module
from sktransfer._inputs.columns import TableColumns
from sktransfer._inputs.encoding import TableEncoding, robust_scale

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(60, 3)) * [1, 10, 100] + [0, 5, -3]


def fit(X, weight=None, columns=None):
    weight = np.ones(len(X)) if weight is None else weight
    return TableEncoding.fit(X, np.arange(len(X)), weight, columns)


def frame(n=60):
    city = RNG.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    return pd.DataFrame({"x": RNG.normal(size=n), "city": city})


def scale(X, weight=None):
    """Return medians and distances of quartiles in the units of the columns."""
    weight = np.ones(len(X)) if weight is None else weight
    numbers = fit(X, weight).numbers
    median, distance = robust_scale(X, np.arange(len(X)), weight, numbers)
    return numbers.mean + numbers.scale * median, numbers.scale * distance


def test_numbers_are_standardized():
    inputs = fit(NUMBERS).transform(NUMBERS)
    assert inputs.shape == (60, 8)
    assert not inputs[:, 3:].any()
    np.testing.assert_allclose(inputs[:, :3].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(inputs[:, :3].std(axis=0), 1)


def test_medians_and_quartiles():
    quartiles = np.quantile(NUMBERS, [0.25, 0.5, 0.75], axis=0, method="inverted_cdf")
    median, distance = scale(NUMBERS)
    np.testing.assert_allclose(median, quartiles[1])
    np.testing.assert_allclose(distance, quartiles[2] - quartiles[0])
    weight = np.where(np.arange(60) < 20, 2.0, 1.0)
    twice = np.concatenate([NUMBERS, NUMBERS[:20]])
    np.testing.assert_allclose(scale(NUMBERS, weight), scale(twice))


def test_outliers_hardly_change_the_scale():
    rows = NUMBERS.copy()
    rows[0] *= 1000
    np.testing.assert_allclose(scale(rows), scale(NUMBERS), rtol=0.2, atol=2)


def test_equal_quartiles():
    rows = np.zeros((50, 1))
    rows[:3] = 4.0
    np.testing.assert_allclose(scale(rows), [[0], [2]], atol=1e-12)


@pytest.mark.parametrize("factor", [1e-300, 1e-20, 1e20, 1e300])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_units(factor):
    np.testing.assert_allclose(
        fit(NUMBERS * factor).transform(NUMBERS * factor),
        fit(NUMBERS).transform(NUMBERS),
        rtol=1e-9,
        atol=1e-9,
    )


def test_a_weight_of_2_is_a_row_twice():
    table = frame()
    columns = TableColumns(table)
    X = columns.transform(table)
    X[::7, 0] = np.nan
    weight = np.where(np.arange(60) < 20, 2.0, 1.0)
    weight[50:] = 0
    twice = np.concatenate([X[:50], X[:20]])
    weighted, repeated = fit(X, weight, columns), fit(twice, columns=columns)
    for one, other in zip(weighted.arrays, repeated.arrays, strict=True):
        np.testing.assert_allclose(one, other)


def test_constant_columns_have_no_inputs():
    rows = np.column_stack([np.full(60, 7.3), NUMBERS, np.full(60, np.nan)])
    encoding = fit(rows)
    np.testing.assert_array_equal(encoding.unused, [0, 4])
    np.testing.assert_array_equal(
        encoding.transform(rows), fit(NUMBERS).transform(NUMBERS)
    )


def test_missing_values():
    rows = NUMBERS.copy()
    rows[:5, 1] = np.nan
    encoding = fit(rows)
    inputs = encoding.transform(rows)
    assert inputs.shape == (60, 16)
    assert not inputs[:5, 1].any()
    np.testing.assert_array_equal(inputs[:, 8], np.arange(60) < 5)
    # A column without missing values in fit has no input for them.
    new = NUMBERS.copy()
    new[:, 0] = np.nan
    assert not encoding.transform(new)[:, [0, 8]].any()


def test_categories():
    table = frame()
    columns = TableColumns(table)
    X = columns.transform(table)
    encoding = fit(X, columns=columns)
    np.testing.assert_array_equal(encoding.categories, [[1, 0], [1, 1], [1, 2]])
    inputs = encoding.transform(X)[:, 8:11]
    np.testing.assert_array_equal(inputs, np.eye(3)[X[:, 1].astype(int)])
    new = columns.transform(pd.DataFrame({"x": [1.0], "city": ["new"]}))
    assert not encoding.transform(new)[:, 8:].any()


def test_the_most_frequent_categories():
    counts = np.r_[np.full(40, 2), np.full(10, 5)]
    table = pd.DataFrame({"id": np.repeat([f"c{i:02}" for i in range(50)], counts)})
    columns = TableColumns(table)
    encoding = fit(columns.transform(table), columns=columns)
    codes = encoding.categories[:, 1]
    assert len(codes) == 32
    assert set(codes) >= set(range(40, 50))


def ids(counts):
    """Make a frame with one column of categories that have these counts."""
    names = [f"c{i:02}" for i in range(len(counts))]
    return pd.DataFrame({"id": np.repeat(names, counts)})


def by_layers(encoding, X):
    sample = keras.Input(X.shape[1:], dtype="float64")
    return keras.Model(sample, encoding.apply_layers(sample))(X)


@pytest.mark.parametrize("weigh", [np.ones_like, lambda z: 1e-3 * (3 + z), np.exp])
def test_rare_categories(weigh):
    # The last one has too few samples; the others are 32 frequent and 17 rare ones.
    table = ids(np.r_[np.full(32, 20), np.full(17, 8), 7])
    columns = TableColumns(table)
    X = columns.transform(table)
    # Rows are counted, whatever their weights.
    weight = weigh(-X[:, 0] / 50 - 1)
    encoding = TableEncoding.fit(X, np.arange(len(X)), weight, columns, has_rare=True)
    assert encoding.rare_categories[:, 1].tolist() == list(range(32, 49))
    assert encoding.categories[:, 1].tolist() == list(range(32))
    assert encoding.width == encoding.n_numbers + 32 + 32
    inputs = encoding.transform(X)
    is_rare = (X[:, 0] >= 32) & (X[:, 0] < 49)
    np.testing.assert_array_equal((inputs != 0).sum(axis=1), X[:, 0] < 49)
    np.testing.assert_array_equal(inputs[is_rare].max(axis=1), 1)
    np.testing.assert_array_equal(by_layers(encoding, X), inputs)
    assert not len(fit(X, columns=columns).rare_categories)


def test_inputs_of_rare_categories_are_smaller_in_large_tables():
    table = ids(np.r_[np.full(32, 140), np.full(40, 13)])
    columns = TableColumns(table)
    encoding = TableEncoding.fit(
        columns.transform(table), np.arange(5000), np.ones(5000), columns, has_rare=True
    )
    assert encoding.rare_value == 0.5
    inputs = encoding.transform(columns.transform(table))
    assert set(inputs.ravel()) == {0, 0.5, 1}


def test_equal_weights_in_another_order_choose_the_same_categories():
    table = ids(np.full(60, 10))
    weight = np.tile([0.1, 0.2, 0.3, 0.7, 0.1, 0.2, 0.3, 0.7, 0.1, 0.6], 60)
    columns = TableColumns(table)
    X = columns.transform(table)
    order = np.random.default_rng(0).permutation(600)
    chosen = [
        fit(X[rows], weight[rows], columns).categories.tolist()
        for rows in (np.arange(600), order)
    ]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize("unit", [1e-200, 1, 1e200])
def test_outliers_do_not_decide_the_scale(unit):
    rows = np.linspace(-1, 1, 401)[:, None]
    rows[::50] = -9999
    numbers = fit(rows * unit).numbers
    assert abs(numbers.mean[0]) < 0.1 * unit
    np.testing.assert_allclose(numbers.scale, unit / 1.349, rtol=0.1)
    # Without outliers it is the standard deviation.
    plain = rows[rows > -2][:, None]
    np.testing.assert_allclose(fit(plain).numbers.scale, plain.std())


def test_a_table_has_a_limit_of_rare_categories(monkeypatch):
    monkeypatch.setattr(encoding_module, "_MAX_RARE", 3)
    table = ids(np.r_[np.full(32, 20), 9, 8, 10, 12, 11])
    columns = TableColumns(table)
    X = columns.transform(table)
    encoding = TableEncoding.fit(
        X, np.arange(len(X)), np.ones(len(X)), columns, has_rare=True
    )
    assert sorted(encoding.rare_categories[:, 1]) == [34, 35, 36]
    np.testing.assert_array_equal(by_layers(encoding, X), encoding.transform(X))


def test_ordered_categories_are_numbers():
    size = pd.Categorical(["s", "m", "l"] * 20, ["s", "m", "l"], ordered=True)
    table = pd.DataFrame({"size": size})
    columns = TableColumns(table)
    encoding = fit(columns.transform(table), columns=columns)
    assert not len(encoding.categories)
    assert encoding.numbers.columns.tolist() == [0]


def test_large_tables_are_encoded_when_they_are_read(monkeypatch, tmp_path):
    expected = fit(NUMBERS).transform(NUMBERS, np.float32)
    np.save(tmp_path / "X.npy", NUMBERS)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    lazy = [fit(mapped).transform(mapped, np.float32)]
    monkeypatch.setattr(encoding_module, "_KEEP_BYTES", 0)
    lazy.append(fit(NUMBERS).transform(NUMBERS, np.float32))
    for rows in lazy:
        assert not isinstance(rows, np.ndarray)
        assert rows.shape == expected.shape
        np.testing.assert_array_equal(rows[np.array([5, 3])], expected[[5, 3]])
        np.testing.assert_array_equal(rows[:], expected)
