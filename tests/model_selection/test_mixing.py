import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from sktransfer.model_selection import MixValScorer


class Lookup(ClassifierMixin, BaseEstimator):
    """A class for each unit vector, and a fixed class for any mix; remembers calls."""

    def __init__(self, labels):
        self.labels = labels
        self.seen = []

    def fit(self, X, y):
        return self

    def predict(self, X):
        X = np.asarray(X)
        self.seen.append(X)
        labels = np.asarray(self.labels)
        largest, index = X.max(axis=1), X.argmax(axis=1)
        # Of a mix with an even number the class of its smaller part.
        smaller = np.where(X > 0, X, 2).argmin(axis=1)
        return labels[np.where((largest < 1) & (index % 2 == 0), smaller, index)]


@pytest.mark.parametrize("alpha", [0.55, 0.8])
@pytest.mark.parametrize(
    "labels", [[0] * 3 + [1] * 5 + [2] * 4, ["a", "b"] * 6, [-1] * 11 + [1]]
)
def test_share_of_mixed_rows_that_keep_their_class(alpha, labels):
    """With unit vectors as rows each mix tells which rows it is of."""
    model = Lookup(labels)
    X = np.eye(12)
    score = MixValScorer(alpha=alpha)(model, X, None, np.full(12, -1))
    _, intra, inter = model.seen
    shares = []
    for mixed, same in ((intra, True), (inter, False)):
        kept = []
        for row in mixed:
            (first,), (second,) = (
                np.flatnonzero(np.isclose(row, part)) for part in (alpha, 1 - alpha)
            )
            assert (labels[first] == labels[second]) is same
            prediction = labels[second] if first % 2 == 0 else labels[first]
            kept.append(prediction == labels[first])
        shares.append(sum(kept) / len(kept))
    assert score == pytest.approx(sum(shares) / 2)
    firsts = np.isclose(inter, alpha).argmax(axis=1)
    assert set(firsts) == set(range(12))
    # Both classes of a pair are first once.
    assert (
        inter[:12].argmax(axis=1) == np.isclose(inter[12:], 1 - alpha).argmax(1)
    ).all()


def test_every_other_row_can_be_drawn():
    labels = [0, 0, 1, 1, 1, 2]
    found = set()
    for seed in range(200):
        model = Lookup(labels)
        MixValScorer(random_state=seed)(model, np.eye(6), None, np.full(6, -1))
        for row in model.seen[2]:
            found.add((int(np.argmax(row)), int(np.argsort(row)[-2])))
    expected = {(a, b) for a in range(6) for b in range(6) if labels[a] != labels[b]}
    assert found == expected


def test_no_class_predicted_twice():
    model = Lookup([0, 1, 2])
    score = MixValScorer()(model, np.eye(3), None, [-1, -1, -1])
    assert len(model.seen) == 2
    assert 0 < score < 1


def test_one_class_predicted_is_half_at_best():
    assert MixValScorer()(Lookup([1] * 4), np.eye(4), None, np.full(4, -1)) == 0.5


def test_linear_classifier_is_sure_within_a_class(model, rows):
    """Classes of a linear classifier are convex, so only the other kind can fail."""
    assert MixValScorer()(model, *rows) >= 0.5


@pytest.mark.parametrize(
    "kind",
    [
        lambda X: pd.DataFrame(X, columns=list("abcd"), index=np.arange(150) + 7),
        lambda X: pl.DataFrame(X, schema=list("abcd")),
        csr_array,
        lambda X: (X * 1000).astype(int),
    ],
)
def test_frames_sparse_rows_and_integers(kind, rows):
    X, y, sample_domain = rows
    X = kind(X)
    model = LogisticRegression().fit(X, y)
    dense = X.toarray() if hasattr(X, "toarray") else np.asarray(X, dtype=float)
    plain = LogisticRegression().fit(dense, y)
    expected = MixValScorer()(plain, dense, y, sample_domain)
    assert MixValScorer()(model, X, y, sample_domain) == pytest.approx(
        expected, abs=0.02
    )


def test_rows_that_cannot_be_mixed():
    X = pd.DataFrame({"color": ["red", "blue", "red", "blue"]})

    class Color(Lookup):
        def predict(self, X):
            return (X["color"] == "red").to_numpy().astype(int)

    with pytest.raises(TypeError, match="needs numbers to mix; X is a data frame"):
        MixValScorer()(Color([]), X, None, np.full(4, -1))


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame])
def test_columns_of_strings_have_the_values_of_the_first(make_frame):
    size = [0.0, None, 2.0, 3.0]
    X = make_frame({"color": ["a", "b", "a", None], "size": size, "n": [1, 2, 3, 4]})

    class Color(Lookup):
        def predict(self, X):
            self.seen.append(X)
            return np.array([color == "a" for color in X["color"]]).astype(int)

    model = Color([])
    assert MixValScorer(alpha=0.9)(model, X, None, np.full(4, -1)) == 1
    for mixed in model.seen[1:]:
        assert type(mixed) is type(X)
        assert list(mixed.columns) == list(X.columns)
        first = np.round(np.asarray(mixed["n"])).astype(int) - 1
        assert (mixed["n"] != first + 1).any()
        is_a = np.array([True, False, True, False])[first]
        assert [color == "a" for color in mixed["color"]] == is_a.tolist()


@pytest.mark.parametrize("alpha", [0.5, 0.2, 1.0])
def test_bad_alpha(alpha, model, rows):
    with pytest.raises(ValueError, match=f"'alpha'.*{alpha}"):
        MixValScorer(alpha=alpha)(model, *rows)
