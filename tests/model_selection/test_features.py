import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sktransfer import BackboneFeatures, model_selection
from sktransfer.model_selection import (
    ClassAMIScorer,
    DeepEmbeddedValidation,
    ImportanceWeightedScorer,
)
from sktransfer.model_selection._features import features_of


def test_plain_classifier(rows, model):
    np.testing.assert_array_equal(features_of(model, rows[0]), rows[0])
    assert features_of(model, rows[0].reshape(150, 2, 2)).shape == (150, 4)


def test_pipeline_and_search(rows):
    X, y, _ = rows
    expected = MinMaxScaler().fit_transform(X)
    pipe = make_pipeline(MinMaxScaler(), LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(features_of(pipe, X), expected)
    search = GridSearchCV(pipe, {"logisticregression__C": [1, 2]}).fit(X, y)
    np.testing.assert_array_equal(features_of(search, X), expected)
    alone = Pipeline([("only", LogisticRegression())]).fit(X, y)
    np.testing.assert_array_equal(features_of(alone, X), X)
    skipped = Pipeline([("scale", "passthrough"), ("last", LogisticRegression())])
    np.testing.assert_array_equal(features_of(skipped.fit(X, y), X), X)


def test_network_features_in_a_pipeline(make, digits):
    X, y, X_target, _ = (values[:60] for values in digits)
    network = make(epochs=1)
    pipe = make_pipeline(MinMaxScaler(), network).fit(X, y)
    transformer = BackboneFeatures(pipe[-1].backbone_).fit(X)
    expected = transformer.transform(MinMaxScaler().fit(X).transform(X_target))
    found = features_of(pipe, X_target)
    assert found.shape[1] != X.shape[1]
    np.testing.assert_array_equal(found, expected)

    rows = np.concatenate([X, X_target]), np.concatenate([y, y]), np.repeat([0, -1], 60)
    features = np.concatenate([features_of(pipe, X), expected]).astype(np.float64)
    for scorer in (
        ImportanceWeightedScorer(),
        DeepEmbeddedValidation(),
        ClassAMIScorer(),
    ):
        head = _Head(pipe, features, rows[0]).fit(None, None)
        assert scorer(pipe, *rows) == pytest.approx(
            scorer(head, features, *rows[1:]), abs=1e-6
        )


def test_every_scorer_takes_a_network(make, digits):
    X, y, X_target, y_target = (values[:60] for values in digits)
    network = make(epochs=1).fit(X, y)
    for name in model_selection.__all__:
        scorer = getattr(model_selection, name)()
        if callable(scorer):
            score = scorer(
                network,
                np.concatenate([X, X_target]),
                np.concatenate([y, y_target]),
                np.repeat([0, -1], 60),
            )
            assert np.isfinite(score)


class _Head(LogisticRegression):
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
