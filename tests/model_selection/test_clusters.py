import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import hypergeom
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sktransfer.model_selection import ClassAMIScorer


def adjusted_mutual_information(one, two):
    n = len(one)
    ones, twos = sorted(set(one)), sorted(set(two))
    a = [sum(value == label for value in one) for label in ones]
    b = [sum(value == label for value in two) for label in twos]

    def information(count, row, column):
        return count / n * math.log(n * count / (row * column)) if count else 0.0

    found = sum(
        information(
            sum(x == i and y == j for x, y in zip(one, two, strict=True)), row, column
        )
        for (i, row), (j, column) in product(
            zip(ones, a, strict=True), zip(twos, b, strict=True)
        )
    )
    # By chance a cell is a hypergeometric draw.
    expected = sum(
        hypergeom(n, row, column).pmf(count) * information(count, row, column)
        for row, column in product(a, b)
        for count in range(min(row, column) + 1)
    )
    entropies = [-sum(c / n * math.log(c / n) for c in counts) for counts in (a, b)]
    return (found - expected) / (sum(entropies) / 2 - expected)


@pytest.fixture
def blobs():
    """Three far blobs that a classifier cuts across; its predictions; the blobs."""
    rng = np.random.default_rng(0)
    blob = rng.integers(3, size=60)
    X = np.array([[0, 0], [100, 0], [0, 100]])[blob] + rng.normal(size=(60, 2))
    y = (X[:, 0] > 50) + 2 * (X[:, 1] > 0)
    model = LogisticRegression().fit(X, np.minimum(y, 2))
    return model, X, blob


def test_agreement_of_predictions_and_clusters(blobs):
    model, X, blob = blobs
    predicted = model.predict(X).tolist()
    assert len(set(predicted)) == 3
    expected = adjusted_mutual_information(predicted, blob.tolist())
    assert 0.1 < expected < 0.9
    score = ClassAMIScorer()(model, X, None, np.full(60, -1))
    assert score == pytest.approx(expected, rel=1e-9)


def test_clusters_are_of_the_features_of_the_last_step(blobs):
    _, X, _ = blobs
    # The classifier gets one column in which it sees two groups and no blob.
    noise = FunctionTransformer(lambda X: X[:, :1] % 1)
    pipe = make_pipeline(noise, LogisticRegression()).fit(X, X[:, 0] % 1 > 0.5)
    score = ClassAMIScorer()(pipe, X, None, np.full(60, -1))
    assert score > 0.7
    on_rows = adjusted_mutual_information(pipe.predict(X).tolist(), blobs[2].tolist())
    assert on_rows < 0.2


def test_collapsed_features_and_predictions():
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    assert ClassAMIScorer()(model, np.ones((20, 1)), None, np.full(20, -1)) == 0


def test_fewer_rows_than_classes(model, rows):
    X, _, sample_domain = rows
    few = np.flatnonzero(sample_domain < 0)[:2]
    assert np.isfinite(ClassAMIScorer()(model, X[few], None, [-1, -1]))
