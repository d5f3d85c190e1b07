import numpy as np
import pytest

from sktransfer._statistics import (
    density_ratio,
    domain_log_odds,
    entropy,
    mutual_information,
    true_class_proba,
)


def test_entropy():
    assert entropy(np.array([[0.5, 0.5], [1.0, 0.0]])) == pytest.approx([np.log(2), 0])


def test_mutual_information():
    rng = np.random.default_rng(0)
    assert mutual_information(np.eye(3)[[0, 1, 2]]) == pytest.approx(np.log(3))
    assert mutual_information(np.full((4, 3), [0.2, 0.3, 0.5])) == pytest.approx(0)
    proba = rng.dirichlet(np.ones(3), size=20)
    assert 0 < mutual_information(proba) < np.log(3)


def test_density_ratio_of_shifted_normals():
    """For normal densities with means 0 and 1, log(p_t / p_s) is x - 1/2."""
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(3000, 1)), 1 + rng.normal(size=(1000, 1))
    ratio = density_ratio(source, target, seed=0)
    np.testing.assert_allclose(np.log(ratio), source[:, 0] - 0.5, atol=0.5)
    np.testing.assert_array_equal(ratio, density_ratio(source, target, seed=0))
    assert len(domain_log_odds(source, target, seed=0)) == 4000


def test_probability_of_the_true_class():
    proba = np.array([[0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])
    true_class = true_class_proba(proba, np.array(["b", "a", "c"]), ["a", "b"])
    assert true_class.tolist() == [0.8, 0.7, 0.0]


def test_too_few_samples():
    with pytest.raises(ValueError, match="1 source samples and 5 target samples"):
        domain_log_odds(np.zeros((1, 2)), np.zeros((5, 2)), seed=0)
