import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sktransfer import BackboneFeatures, TransferClassifier, model_selection
from sktransfer._pipelines import compute_features
from sktransfer.model_selection import (
    ClassAMIScorer,
    DeepEmbeddedValidation,
    ImportanceWeightedScorer,
)
from sktransfer.model_selection._scorer import BaseDomainScorer


def test_plain_classifier(rows, model):
    np.testing.assert_array_equal(compute_features(model, rows[0]), rows[0])
    assert compute_features(model, rows[0].reshape(150, 2, 2)).shape == (150, 4)


def test_pipeline_and_search(rows):
    X, y, _ = rows
    expected = MinMaxScaler().fit_transform(X)
    pipe = make_pipeline(MinMaxScaler(), LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(compute_features(pipe, X), expected)
    search = GridSearchCV(pipe, {"logisticregression__C": [1, 2]}).fit(X, y)
    np.testing.assert_array_equal(compute_features(search, X), expected)
    alone = Pipeline([("only", LogisticRegression())]).fit(X, y)
    np.testing.assert_array_equal(compute_features(alone, X), X)
    skipped = Pipeline([("scale", "passthrough"), ("last", LogisticRegression())])
    np.testing.assert_array_equal(compute_features(skipped.fit(X, y), X), X)


def test_network_features_in_a_pipeline(make, digits):
    X, y, X_target, _ = (values[:60] for values in digits)
    network = make(epochs=1)
    pipe = make_pipeline(MinMaxScaler(), network).fit(X, y)
    transformer = BackboneFeatures(pipe[-1].backbone_).fit(X)
    expected = transformer.transform(MinMaxScaler().fit(X).transform(X_target))
    found = compute_features(pipe, X_target)
    assert found.shape[1] != X.shape[1]
    np.testing.assert_array_equal(found, expected)

    rows = np.concatenate([X, X_target]), np.concatenate([y, y]), np.repeat([0, -1], 60)
    features = np.concatenate([compute_features(pipe, X), expected]).astype(np.float64)
    for scorer in (
        ImportanceWeightedScorer(),
        DeepEmbeddedValidation(),
        ClassAMIScorer(),
    ):
        head = _Head(pipe, features, rows[0]).fit(None, None)
        assert scorer(pipe, *rows) == pytest.approx(
            scorer(head, features, *rows[1:]), abs=1e-6
        )


def all_scorers():
    classes = [getattr(model_selection, name) for name in model_selection.__all__]
    scorers = [cls() for cls in classes if issubclass(cls, BaseDomainScorer)]
    assert len(scorers) == 10
    return scorers


def test_every_scorer_takes_a_network(make, digits):
    X, y, X_target, y_target = (values[:60] for values in digits)
    network = make(epochs=1).fit(X, y)
    for scorer in all_scorers():
        score = scorer(
            network,
            np.concatenate([X, X_target]),
            np.concatenate([y, y_target]),
            np.repeat([0, -1], 60),
        )
        assert np.isfinite(score)


@pytest.fixture(scope="module")
def table():
    """A frame with gaps and strings, labels and domains."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    frame = pd.DataFrame(
        {
            "size": np.where(rng.random(60) < 0.2, np.nan, y + rng.normal(size=60)),
            "color": np.where(y == 1, "red", "blue").astype(object),
            "count": pd.array(rng.integers(5, size=60) + y, dtype="Int64"),
        },
        index=np.arange(60) + 100,
    )
    frame.loc[[103, 110, 151], "color"] = None
    frame.loc[[104, 152], "count"] = pd.NA
    return frame, y, np.repeat([0, -1], 30)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pipeline"])
def test_every_scorer_takes_frames_with_gaps_and_strings(kind, table):
    X, y, sample_domain = table
    if kind == "polars":
        X = pl.DataFrame(X.astype(object).where(X.notna(), None).to_dict("list"))
    classifier = TransferClassifier("tabular", random_state=0)
    if kind == "pipeline":
        classifier = Pipeline([("keep", "passthrough"), ("classifier", classifier)])
    classifier.fit(X[:30], y[:30])
    for scorer in all_scorers():
        assert np.isfinite(scorer(classifier, X, y, sample_domain)), scorer
    features = compute_features(classifier, X)
    assert features.shape == (60, 2)
    np.testing.assert_allclose(np.exp(features), classifier.predict_proba(X))


class _Head(ClassifierMixin, BaseEstimator):
    """A classifier on features that predicts as the pipeline does on their rows."""

    def __init__(self, pipe=None, features=None, rows=None):
        self.pipe, self.features, self.rows = pipe, features, rows

    def fit(self, X, y):
        self.classes_ = self.pipe.classes_
        return self

    def _rows_of(self, X):
        index = [int(np.abs(self.features - row).sum(axis=1).argmin()) for row in X]
        return self.rows[index]

    def predict(self, X):
        return self.pipe.predict(self._rows_of(X))

    def predict_proba(self, X):
        return self.pipe.predict_proba(self._rows_of(X))
