"""Standardization of columns in float64."""

import numpy as np
import pytest

from sktransfer._inputs.standardization import Standardization

X = np.random.default_rng(0).normal(size=(200, 3)) * [1, 10, 0.1] + [0, 5, -3]
WEIGHT = np.random.default_rng(1).uniform(0.5, 2, size=200)
ROWS = np.arange(200)


def test_mean_0_and_deviation_1():
    result = Standardization.fit(X, ROWS, WEIGHT).transform(X)
    np.testing.assert_allclose(
        np.average(result, axis=0, weights=WEIGHT), 0, atol=1e-12
    )
    np.testing.assert_allclose(np.average(result**2, axis=0, weights=WEIGHT), 1)


@pytest.mark.parametrize("factor", [1e-300, 1e-200, 1e-12, 3.0, 1e12, 1e200, 1e299])
@pytest.mark.filterwarnings("error")
def test_units_change_nothing(factor):
    expected = Standardization.fit(X, ROWS, WEIGHT).transform(X)
    scaled = X * factor
    result = Standardization.fit(scaled, ROWS, WEIGHT).transform(scaled)
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


def test_an_offset_costs_what_rounding_costs():
    expected = Standardization.fit(X, ROWS, WEIGHT).transform(X)
    moved = X + 1000 * X.std(axis=0)
    result = Standardization.fit(moved, ROWS, WEIGHT).transform(moved)
    np.testing.assert_allclose(result, expected, atol=1e-11)


@pytest.mark.filterwarnings("error")
def test_the_whole_range():
    wide = np.array([[-1.7e308, 0.0], [1.7e308, 5e-324]])
    result = Standardization.fit(wide, ROWS[:2], np.ones(2)).transform(wide)
    np.testing.assert_allclose(result[:, 0], [-1, 1])
    assert np.isfinite(result).all()


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-300, 1e300, -7e12])
@pytest.mark.filterwarnings("error")
def test_constant_columns_are_0(value):
    # The mean of equal values may differ from them by rounding, and so do some values.
    constant = np.full((100, 1), value)
    constant[::3] = np.nextafter(value, np.inf) if value else value
    standardization = Standardization.fit(constant, ROWS[:100], WEIGHT[:100])
    np.testing.assert_array_equal(standardization.transform(constant), 0)
    np.testing.assert_array_equal(standardization.transform(constant + 1), 0)


def test_constants_of_float32_are_rounded_to_it():
    constant = np.full((100, 1), 0.1, np.float32)
    constant[::3] = np.nextafter(constant[0, 0], np.float32(1))
    result = Standardization.fit(constant, ROWS[:100], np.ones(100)).transform(constant)
    np.testing.assert_array_equal(result, 0)


def test_missing_values_and_weights_of_0_are_left_out():
    gaps, weight = X.copy(), WEIGHT.copy()
    gaps[::4, 1] = np.nan
    weight[::5] = 0
    standardization = Standardization.fit(gaps, ROWS, weight)
    known = ~np.isnan(gaps[:, 1])
    mean = np.average(gaps[known, 1], weights=weight[known])
    assert standardization.mean[1] == pytest.approx(mean, rel=1e-12)
    assert np.isnan(standardization.transform(gaps)[::4, 1]).all()


def test_many_rows_are_read_in_parts(monkeypatch):
    expected = Standardization.fit(X, ROWS, WEIGHT)
    monkeypatch.setattr("sktransfer._inputs.standardization._CHUNK_BYTES", 8 * 3 * 7)
    for factor in (1, 1e-200, 1e200):
        parts = Standardization.fit(X * factor, ROWS, WEIGHT)
        np.testing.assert_allclose(parts.mean, factor * expected.mean, rtol=1e-12)
        np.testing.assert_allclose(parts.scale, factor * expected.scale, rtol=1e-12)


def test_a_mapped_file_is_standardized_when_it_is_read(tmp_path):
    mapped = np.memmap(tmp_path / "X", mode="w+", shape=X.shape, dtype=X.dtype)
    mapped[:] = X
    standardization = Standardization.fit(mapped, ROWS, WEIGHT, width=4)
    rows = standardization.transform(mapped, np.float32)
    expected = standardization.transform(X, np.float32)
    assert not isinstance(rows, np.ndarray)
    assert rows.shape == expected.shape
    assert rows.nbytes == expected.nbytes
    np.testing.assert_array_equal(rows[3:9], expected[3:9])
    np.testing.assert_array_equal(rows[np.array([5, 1])], expected[[5, 1]])
    np.testing.assert_array_equal(np.asarray(rows), expected)


def test_some_columns_in_another_order():
    selected = Standardization.fit(X, ROWS, WEIGHT).select(np.array([2, 0]))
    expected = Standardization.fit(X, ROWS, WEIGHT).transform(X)[:, [2, 0]]
    np.testing.assert_array_equal(selected.transform(X), expected)
