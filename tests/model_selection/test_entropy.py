import math

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from sktransfer.model_selection import InfoMaxScorer, PredictionEntropyScorer


def entropy(proba):
    return -sum(p * math.log(p) for p in proba if p > 0)


def test_prediction_entropy(model, rows):
    X, _, sample_domain = rows
    proba = model.predict_proba(X[sample_domain < 0])
    expected = -sum(entropy(p) for p in proba) / len(proba)
    assert PredictionEntropyScorer()(model, *rows) == pytest.approx(expected, rel=1e-12)


def test_info_max(model, rows):
    X, _, sample_domain = rows
    proba = model.predict_proba(X[sample_domain < 0])
    mean = [sum(p[c] for p in proba) / len(proba) for c in range(3)]
    expected = entropy(mean) - sum(entropy(p) for p in proba) / len(proba)
    assert InfoMaxScorer()(model, *rows) == pytest.approx(expected, rel=1e-12)


class Table(DummyClassifier):
    """Probabilities as they stand in X."""

    def predict_proba(self, X):
        return np.asarray(X)

    def predict(self, X):
        return np.argmax(X, axis=1)


@pytest.mark.parametrize(
    ("proba", "entropy_score", "info_max"),
    [
        ([[1, 0], [1, 0]], 0, 0),
        ([[1, 0], [0, 1]], 0, math.log(2)),
        ([[0.5, 0.5], [0.5, 0.5]], -math.log(2), 0),
    ],
)
def test_known_values(proba, entropy_score, info_max):
    call = (Table(), np.array(proba, dtype=float), None, [-1, -1])
    assert PredictionEntropyScorer()(*call) == pytest.approx(entropy_score)
    assert InfoMaxScorer()(*call) == pytest.approx(info_max)
