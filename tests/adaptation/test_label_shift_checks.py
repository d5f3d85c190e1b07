"""The two checks whether a shift is a label shift."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import ks_2samp

from sktransfer._label_shift import LabelShiftEstimate, prediction_distance
from sktransfer.adaptation.label_shift_checks import domain_auc
from sktransfer.training.store.samples import Samples


def test_prediction_distance_is_that_of_the_two_sample_test():
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.ones(3), size=50).round(1)
    others = rng.dirichlet([1, 2, 1], size=30).round(1)
    weight = rng.integers(1, 4, 50)
    expected = max(
        ks_2samp(np.repeat(rows[:, c], weight), others[:, c]).statistic
        for c in range(3)
    )
    assert prediction_distance(rows, weight, others) == pytest.approx(
        expected, abs=1e-12
    )


def estimated(**values):
    half = np.full(2, 0.5)
    defaults = {"source_prior": half, "target_prior": half, "slope": 1.0}
    defaults |= {"bias": np.zeros(2), "distance": 0.5, "unexplained": 0.0}
    defaults |= {"source_confidence": 0.9, "target_confidence": 0.9}
    return LabelShiftEstimate(**(defaults | values))


def test_amplification():
    estimate = estimated(target_prior=np.array([0.1, 0.9]), distance=0.2)
    assert estimate.total_variation == pytest.approx(0.4)
    assert estimate.amplification == pytest.approx(2.0)
    assert estimated(distance=0.0).amplification == 0.0


def two_classes(prior, moved, rng):
    """Samples, some moved in a column without classes; weights balance the classes."""
    y = (rng.uniform(size=1000) < prior).astype(int)
    X = rng.normal(size=(1000, 2)) + np.outer(y, [3, 0]) + [0, moved]
    weight = np.where(y == 1, 0.5 / prior, 0.5 / (1 - prior))
    return Samples(X, np.arange(1000), y, weight)


@pytest.mark.parametrize(
    ("prior", "moved", "lowest", "highest"),
    [(0.8, 0, 0.45, 0.55), (0.5, 0, 0.6, 0.8), (0.8, 2, 0.85, 1)],
    ids=["right prior", "wrong prior", "other features"],
)
def test_domain_auc_does_not_depend_on_the_class_prior(prior, moved, lowest, highest):
    """Of class 1: 0.2 in the source, weighted to 0.5, and 0.8 in the target."""
    rng = np.random.default_rng(0)
    source = two_classes(0.2, 0, rng)
    task = SimpleNamespace(
        source=source,
        source_domains=np.zeros(1000, int),
        target=two_classes(0.8, moved, rng),
        n_classes=2,
        rng=rng,
        features=lambda fit, examples: examples.X[examples.index],
    )
    estimate = estimated(target_prior=np.array([1 - prior, prior]))
    assert lowest < domain_auc(task, None, estimate) < highest
