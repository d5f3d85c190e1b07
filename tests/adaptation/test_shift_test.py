"""The distance by which it is decided which shift it is."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from sktransfer.adaptation._shift_test import largest_step


def test_largest_step_is_that_of_the_two_sample_test():
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.ones(3), size=50).round(1)
    others = rng.dirichlet([1, 2, 1], size=30).round(1)
    weight = rng.integers(1, 4, 50)
    expected = max(
        ks_2samp(np.repeat(rows[:, c], weight), others[:, c]).statistic
        for c in range(3)
    )
    assert largest_step(rows, weight, others) == pytest.approx(expected, abs=1e-12)
