"""The prior's tables: their form, that they differ, and that they can be learned."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from sktransfer.tables.in_context import functions
from sktransfer.tables.in_context.prior import draw_tables


def draw(seed=0, n=40, **kwargs):
    return draw_tables(np.random.default_rng(seed), n, 128, 9, **kwargs)


@pytest.mark.parametrize("hardness", [0.0, 0.5, 1.0])
def test_form(hardness):
    x, y = draw(hardness=hardness)
    assert (x.shape, x.dtype) == ((40, 128, 9), np.float32)
    assert (y.shape, y.dtype) == ((40, 128), np.int32)
    assert y.min() == 0
    assert y.max() < (10 if hardness else 3)
    assert not np.isinf(x).any()
    assert np.nanmax(np.abs(x)) < 1e4


def test_the_generator_decides():
    for one, other in zip(draw(3), draw(3), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(draw(3).y, draw(4).y)


def test_tables_are_of_many_kinds():
    x, y = draw(n=400)
    n_columns = (np.nanstd(x, axis=1) > 0).sum(axis=1)
    assert {2, 5, 9} <= set(n_columns)
    assert {2, 3, 6} <= {len(np.unique(of_table)) for of_table in y}
    levels = [len(np.unique(column[:, 0])) for column in x]
    assert min(levels) <= 3 < 100 < max(levels)
    assert 0 < np.isnan(x).mean() < 0.2
    skewed = np.abs(np.nan_to_num(x)).max(axis=1) > 8 * np.nanstd(x, axis=1) + 1e-6
    assert skewed.any()


def above_majority(x, y):
    """By how much a linear model is better than the most frequent class, on average."""
    gains = []
    train, test = slice(96), slice(96, None)
    for rows, classes in zip(np.clip(np.nan_to_num(x), -5, 5), y, strict=True):
        known, counts = np.unique(classes[train], return_counts=True)
        if len(known) > 1:
            model = RidgeClassifier().fit(rows[train], classes[train])
            majority = (classes[test] == known[counts.argmax()]).mean()
            gains.append(model.score(rows[test], classes[test]) - majority)
    return np.mean(gains)


def test_easy_tables_are_learned_by_a_linear_model():
    assert above_majority(*draw(hardness=0.0)) > 0.15


def test_the_whole_prior_is_harder_but_no_noise():
    easy, whole = (above_majority(*draw(hardness=h)) for h in (0.0, 1.0))
    assert 0.03 < whole < easy - 0.05


@pytest.mark.parametrize("function", functions.KINDS)
@pytest.mark.parametrize("n_outputs", [1, 4])
def test_functions_are_functions(function, n_outputs):
    """Equal rows get equal values; not all rows do."""
    x = np.random.default_rng(0).normal(size=(3, 50, 4))
    x[:, 10:20] = x[:, :10]
    for seed in range(10):
        found = function(x, n_outputs, np.random.default_rng(seed))
        assert found.shape == (3, 50, n_outputs)
        np.testing.assert_allclose(found[:, 10:20], found[:, :10], atol=1e-9)
    varies = [function(x, 1, np.random.default_rng(s)).std() > 0 for s in range(10)]
    assert np.mean(varies) > 0.8


def test_more_noise_makes_it_harder():
    less, more = (above_majority(*draw(n=100, max_noise=n)) for n in (0.5, 5.0))
    assert more < less - 0.03
