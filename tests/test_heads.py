"""Heads: classes and several labels."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.neural_network import MLPClassifier

from sktransfer import DomainAdaptedClassifier, Recipe, TransferClassifier
from sktransfer.heads import ClassHead, MultilabelHead, evaluate, make_head

LOGITS = np.random.default_rng(0).normal(size=(12, 3))


def numpy_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_kind_of_a_head_follows_the_labels():
    assert isinstance(make_head(np.array(["b", "a", "b"])), ClassHead)
    assert isinstance(make_head(np.eye(3)), MultilabelHead)
    assert make_head(np.array(["b", "a", "b"])).classes.tolist() == ["a", "b"]


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("soft", [False, True])
def test_loss_of_classes_is_that_of_keras(smoothing, soft):
    head = ClassHead(np.arange(3))
    y = np.arange(12) % 3
    targets = head.targets(y)
    if soft:
        head, targets = head.soft(), head.one_hot(targets)
    expected = keras.losses.categorical_crossentropy(
        np.eye(3)[y], LOGITS, from_logits=True, label_smoothing=smoothing
    )
    losses = numpy_of(head.losses(LOGITS, targets, smoothing))
    np.testing.assert_allclose(losses, numpy_of(expected), atol=1e-9)
    hits = numpy_of(head.correct(LOGITS, targets))
    np.testing.assert_array_equal(hits, LOGITS.argmax(axis=1) == y)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_of_labels_is_that_of_keras(smoothing):
    head = MultilabelHead(3)
    y = (np.random.default_rng(1).uniform(size=(12, 3)) < 0.5).astype(int)
    targets = head.targets(y)
    expected = keras.losses.binary_crossentropy(
        targets, LOGITS, from_logits=True, label_smoothing=smoothing
    )
    losses = numpy_of(head.losses(LOGITS, targets, smoothing))
    np.testing.assert_allclose(losses, numpy_of(expected), atol=1e-9)
    hits = numpy_of(head.correct(LOGITS, targets))
    np.testing.assert_array_equal(hits, (y == (LOGITS > 0)).all(axis=1))
    if not smoothing:
        np.testing.assert_allclose(head.row_losses(LOGITS, targets), losses)


def test_evaluation_is_that_of_scikit_learn():
    head, y = ClassHead(np.arange(3)), np.arange(12) % 3
    weight = np.arange(1.0, 13)
    loss, accuracy = evaluate(head, LOGITS, head.targets(y), weight)
    proba = head.predict_proba(LOGITS)
    assert loss == pytest.approx(log_loss(y, proba, sample_weight=weight))
    hits = head.predict(LOGITS) == y
    assert accuracy == pytest.approx(np.average(hits, weights=weight))


def test_probe_of_labels_is_one_logistic_regression_each():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 4))
    y = (X @ rng.normal(size=(4, 3)) + rng.normal(size=(80, 3)) > 0).astype(float)
    y[:, 2] = 1
    kernel, bias = MultilabelHead(3).solve(X, y, np.ones(80), 0.1)
    scaled = (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0).mean())
    for j in range(2):
        oracle = LogisticRegression(C=0.1, tol=1e-10).fit(scaled, y[:, j])
        np.testing.assert_allclose(
            (X @ kernel + bias)[:, j], oracle.decision_function(scaled), atol=1e-3
        )
    # A label that all samples have.
    assert (kernel[:, 2] == 0).all()
    assert bias[2] > 3


@pytest.fixture(scope="module")
def labels():
    X, y = make_multilabel_classification(
        300, 12, n_classes=4, n_labels=2, random_state=0
    )
    return (X[:150], y[:150]), (X[150:], y[150:])


def mlp(**parameters):
    return TransferClassifier("mlp", epochs=20, random_state=0, **parameters)


def test_several_labels(labels):
    (X, y), (X_new, y_new) = labels
    model = mlp().fit(X, y)
    proba = model.predict_proba(X_new)
    assert proba.shape == (150, 4)
    np.testing.assert_array_equal(model.predict(X_new), proba > 0.5)
    np.testing.assert_array_equal(model.classes_, np.arange(4))
    assert model.decision_function(X_new).shape == (150, 4)
    # As MLPClassifier has it, whose score is the fraction of whole rows.
    oracle = MLPClassifier(random_state=0, max_iter=500).fit(X, y)
    assert model.predict(X_new).dtype == oracle.predict(X_new).dtype
    assert model.score(X_new, y_new) > oracle.score(X_new, y_new) - 0.08
    guess = np.tile(y.mean(axis=0) > 0.5, (150, 1))
    assert (model.predict(X_new) == y_new).mean() > (guess == y_new).mean() + 0.1


@pytest.mark.parametrize("kind", [csr_matrix, pd.DataFrame, np.ndarray.tolist])
def test_labels_of_other_types(labels, kind):
    (X, y), (X_new, _) = labels
    model = mlp(early_stopping=True).set_params(epochs=3)
    expected = clone(model).fit(X, y).predict_proba(X_new)
    np.testing.assert_array_equal(model.fit(X, kind(y)).predict_proba(X_new), expected)


@pytest.mark.parametrize(
    "parameters",
    [
        {"recipe": "linear_probe"},
        {"recipe": "lp_ft", "frozen_depth": 1},
        {"recipe": Recipe("lp_ft", mixup_alpha=0.2)},
        {"early_stopping": True, "label_smoothing": 0.1},
        {"warm_start": True, "dtype": "float64"},
    ],
)
def test_several_labels_on_a_pretrained_backbone(labels, parameters):
    (X, y), (X_new, y_new) = labels
    source = mlp().fit(X, y[:, 0])
    model = TransferClassifier(source.backbone_, random_state=0, **parameters)
    if parameters.get("recipe") != "linear_probe":
        model.set_params(epochs=10)
    assert (model.fit(X, y).predict(X_new) == y_new).mean() > 0.7
    if model.warm_start:
        assert (model.fit(X, y).predict(X_new) == y_new).mean() > 0.7


def test_several_labels_in_searches_and_parts(labels):
    (X, y), (X_new, y_new) = labels
    search = GridSearchCV(mlp(), {"learning_rate": [1e-5, 1e-2]}, cv=2).fit(X, y)
    assert search.best_params_ == {"learning_rate": 1e-2}
    assert cross_val_predict(search.best_estimator_, X, y, cv=2).shape == y.shape
    model = TransferClassifier("mlp", random_state=0)
    for _ in range(8):
        model.partial_fit(X, y, classes=np.arange(4))
    assert (model.predict(X_new) == y_new).mean() > 0.6


def test_where_a_sample_has_one_class(labels):
    X, y = labels[0]
    for model in (TransferClassifier("tabular"), DomainAdaptedClassifier()):
        assert not model.__sklearn_tags__().classifier_tags.multi_label
        with pytest.raises(ValueError, match=r"indicator matrix of shape \(150, 4\)"):
            model.fit(X, y)
    assert mlp().__sklearn_tags__().classifier_tags.multi_label
    with pytest.raises(ValueError, match="other than 0 and 1"):
        mlp().fit(X, 2 * y)
    with pytest.raises(ValueError, match=r"class_weight='balanced'.*sample_weight"):
        mlp(class_weight="balanced").fit(X, y)
    with pytest.raises(ValueError, match="4 labels"):
        mlp(warm_start=True).set_params(epochs=1).fit(X, y).fit(X, y[:, :3])


def test_training_is_resumed_with_labels_of_the_same_kind():
    X, y = np.random.default_rng(0).normal(size=(40, 5)), np.arange(40) % 2
    both = np.column_stack([y, 1 - y])
    quick = {"epochs": 1, "random_state": 0}
    model = TransferClassifier("mlp", **quick).fit(X, y)
    with pytest.raises(ValueError, match=r"another kind.*classes \[0, 1\]"):
        model.partial_fit(X, both)
    with pytest.raises(ValueError, match=r"another kind"):
        model.set_params(warm_start=True).fit(X, both)
    model = TransferClassifier("mlp", **quick).fit(X, both)
    with pytest.raises(ValueError, match=r"another kind.*labels in columns \[0, 1\]"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"keeps 2 outputs; y has 3 columns"):
        TransferClassifier(model.backbone_, head="keep", **quick).fit(
            X, np.column_stack([both, y])
        )
    with pytest.raises(ValueError, match="2 labels; y has 3 columns"):
        TransferClassifier("mlp").partial_fit(
            X, np.column_stack([both, y]), classes=[0, 1]
        )


def test_a_warm_start_keeps_the_kind_of_the_fitted_backbone():
    X, y = np.random.default_rng(0).normal(size=(40, 5)), np.arange(40) % 2
    model = TransferClassifier("mlp", epochs=1, random_state=0).fit(X, y)
    model.set_params(backbone="tabular", warm_start=True).fit(X, y)
    assert not model.backbone_.learns_in_context
    table = TransferClassifier(random_state=0).fit(X, y).set_params(backbone="mlp")
    # It cannot resume a fit in context.
    assert not hasattr(table, "partial_fit")
    assert table.set_params(warm_start=True).fit(X, y).backbone_.learns_in_context
