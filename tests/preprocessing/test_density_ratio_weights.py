"""density_ratio_weights: near the true ratio, in any units, and bad input."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sktransfer.preprocessing import density_ratio_weights

METHODS = pytest.mark.parametrize("method", ["logistic", "kmm", "ulsif"])


@pytest.fixture
def domains():
    """Normal samples, and normal samples that are moved by 1."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(400, 1)), rng.normal(size=(300, 1)) + 1


@METHODS
def test_weights_are_near_the_ratio_of_the_densities(method, domains):
    X, X_target = domains
    weights = density_ratio_weights(X, X_target, method=method)
    assert (weights >= 0).all()
    assert_allclose(weights.mean(), 1)
    ratio = np.exp(X[:, 0] - 0.5)
    assert np.corrcoef(weights, ratio)[0, 1] > 0.75
    # The weighted source has nearly the mean of the target, 1.
    assert 0.7 < np.average(X[:, 0], weights=weights) < 1.3


@METHODS
def test_units_and_seeds(method, domains):
    X, X_target = domains
    plain = density_ratio_weights(X, (X_target,), method=method)
    scaled = density_ratio_weights(1e3 * X + 50, 1e3 * X_target + 50, method=method)
    assert_allclose(scaled, plain, rtol=1e-3, atol=1e-3)
    assert_array_equal(plain, density_ratio_weights(X, X_target, method=method))


def test_columns_in_another_order():
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [3.0, 1.0, 2.0]})
    for target in (frame[["b", "a"]], (frame[["b", "a"]],)):
        with pytest.raises(ValueError, match="expected the same columns"):
            density_ratio_weights(frame, target)


def test_bad_input(domains):
    X, X_target = domains
    with pytest.raises(ValueError, match="method"):
        density_ratio_weights(X, X_target, method="kliep")
    with pytest.raises(ValueError, match="X_target"):
        density_ratio_weights(X, np.full((3, 1), np.inf))
    with pytest.raises(ValueError, match="shape"):
        density_ratio_weights(X, np.ones((4, 2)))
    with pytest.raises(ValueError, match="minimum of 2"):
        density_ratio_weights(X[:1], X_target)
