"""What goes wrong without a word elsewhere: fits that look fine and are not."""

import keras
import numpy as np
import pandas as pd
import pytest
from networks import source_network, two_layers
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, KFold, check_cv, cross_val_score
from tensorflow.python.framework.config import is_op_determinism_enabled

from sktransfer import Backbone, DomainAdaptedClassifier, TransferClassifier
from sktransfer.adaptation import DeepCORAL
from sktransfer.learners import by_steps
from sktransfer.model_selection import StratifiedDomainKFold


def test_an_integer_cv_is_stratified():
    """Else sorted rows give each fold a class that its training rows lack."""
    X, y = load_iris(return_X_y=True)
    estimator = TransferClassifier("mlp", epochs=10, random_state=0, learning_rate=0.01)
    assert is_classifier(estimator)
    folds = check_cv(3, y, classifier=is_classifier(estimator)).split(X, y)
    assert all(len(np.unique(y[train])) == 3 for train, _ in folds)
    grid = GridSearchCV(estimator, {"learning_rate": [0.01]}, cv=3).fit(X, y)
    assert grid.best_score_ > 0.85
    blocks = cross_val_score(estimator, X, y, cv=KFold(3))
    assert blocks.max() == 0  # what it would have been


def test_class_weight_leaves_the_callers_sample_weight_alone(make, target):
    weight = np.ones(100)
    make(class_weight={0: 5.0, 1: 0.1}).fit(*target, sample_weight=weight)
    assert np.array_equal(weight, np.ones(100))


def test_a_passed_model_is_not_trained_in_place(source_model, target):
    before = source_model.get_weights()
    estimator = TransferClassifier(source_model, epochs=2, random_state=0)
    first = estimator.fit(*target).weights_
    assert all(map(np.array_equal, source_model.get_weights(), before))
    # And a second fit starts from the same place.
    assert all(map(np.array_equal, estimator.fit(*target).weights_, first))


def test_swapped_columns_are_refused(target):
    X, y = target
    frame = pd.DataFrame(X, columns=[f"pixel{i}" for i in range(64)])
    estimator = TransferClassifier("mlp", epochs=1).fit(frame, y)
    swapped = frame[frame.columns[::-1]]
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(swapped)


def test_settings_of_the_process_stay_as_they_were(make, target):
    policy = keras.config.dtype_policy().name
    make(dtype="float64", random_state=0).fit(*target).predict(target[0])
    assert not is_op_determinism_enabled()
    assert keras.config.floatx() == "float32"
    assert keras.config.dtype_policy().name == policy
    assert keras.config.is_traceback_filtering_enabled()


def test_clone_keeps_every_training_parameter(make, target):
    """Else each fold of a search trains for another number of epochs."""
    estimator = make(epochs=7, batch_size=16, recipe="full", learning_rate=0.02)
    copied = clone(estimator)
    assert copied.get_params() == estimator.get_params()
    assert copied.fit(*target).n_iter_ == 7


def test_a_clone_keeps_the_weights_of_a_passed_model(source_model, target):
    """Else what is frozen is a random network."""
    estimator = TransferClassifier(
        source_model, frozen_depth="all", recipe="linear_probe", random_state=0
    )
    copied = clone(estimator).fit(*target)
    for fitted, trained in zip(
        copied.backbone_.weights, source_model.get_weights(), strict=False
    ):
        assert np.array_equal(fitted, trained)
    assert np.array_equal(copied.weights_[-2], estimator.fit(*target).weights_[-2])


def test_layers_that_the_user_froze_are_trained_where_frozen_depth_says_so(target):
    model = source_network()
    model.trainable = False
    estimator = TransferClassifier(model, epochs=1, recipe="full", frozen_depth=1)
    fitted = estimator.fit(*target).backbone_.weights
    moved = [
        not np.array_equal(new, old)
        for new, old in zip(fitted, model.get_weights(), strict=False)
    ]
    assert moved == [False, False, True, True, True, True]


def test_warm_start_does_something(make, target):
    estimator = make(warm_start=True, recipe="full", epochs=2).fit(*target)
    loss = estimator.loss_
    assert estimator.fit(*target).loss_curve_[0] < loss


def test_there_are_probabilities(make, target):
    proba = make().fit(*target).predict_proba(target[0])
    assert proba.shape == (100, 5)
    assert ((proba > 0) & (proba < 1)).any()


def test_there_is_a_random_state(make, target):
    first, again, other = (make(random_state=s).fit(*target) for s in (0, 0, 1))
    assert np.array_equal(first.weights_[0], again.weights_[0])
    assert not np.array_equal(first.weights_[0], other.weights_[0])


def test_validation_rows_are_of_every_class(make, target, monkeypatch):
    """Else, on rows sorted by class, the last one is only ever validated."""
    X, y = target
    order = np.argsort(y, kind="stable")
    tasks, split = [], by_steps.split_validation

    def spy(task):
        tasks.append(split(task))
        return tasks[-1]

    monkeypatch.setattr(by_steps, "split_validation", spy)
    make(early_stopping=True, validation_fraction=0.1).fit(X[order], y[order])
    parts = tasks[0].samples, tasks[0].validation
    assert [len(part) for part in parts] == [90, 10]
    assert all(np.unique(part.y).tolist() == [0, 1, 2, 3, 4] for part in parts)


# ---- rows of two domains


@pytest.fixture
def two_domains(digits):
    """X, y, sample_domain of digits 0 to 2 and of inverted ones, in mixed order."""
    X, y, X_target, y_target = digits
    some, of_target = np.flatnonzero(y < 3)[:72], np.flatnonzero(y_target < 3)[:72]
    order = np.random.default_rng(0).permutation(144)
    X = np.concatenate([X[some], X_target[of_target]])[order]
    y = np.concatenate([y[some], y_target[of_target]])[order]
    return X, y, np.repeat([0, -1], 72)[order]


@pytest.fixture
def adapted():
    """Make a small, quick DomainAdaptedClassifier."""

    def make(**parameters):
        defaults = {"backbone": two_layers, "epochs": 3, "random_state": 0}
        return DomainAdaptedClassifier(**(defaults | parameters))

    return make


def test_adapting_leaves_the_callers_labels_alone(adapted, two_domains):
    """Else those of the target are -1 after the fit."""
    X, y, sample_domain = two_domains
    for labels in (y, np.array(["a", "b", "c"])[y], np.array([-1, 0, 1])[y]):
        given = labels.copy()
        for use in ("ignore", "use"):
            estimator = adapted(target_labels=use)
            estimator.fit(X, given, sample_domain=sample_domain)
            assert np.array_equal(given, labels)


def test_labels_of_minus_1_and_1_are_two_classes(adapted, two_domains):
    X, y, sample_domain = two_domains
    labels = np.where(y == 0, -1, 1)
    estimator = adapted().fit(X, labels, sample_domain=sample_domain)
    assert estimator.classes_.tolist() == [-1, 1]
    source = sample_domain >= 0
    assert estimator.score(X[source], labels[source]) > 0.9


def test_the_discriminator_is_no_constant(adapted, two_domains):
    """Else it tells one half of the rows at best, and nothing is adapted."""
    X, y, sample_domain = two_domains
    plain = adapted(method="source_only").fit(X, y, sample_domain=sample_domain)
    for method in ("dann", "cdan"):
        estimator = adapted(method=method, epochs=10)
        estimator.fit(X, y, sample_domain=sample_domain)
        assert max(estimator.history_["domain_accuracy"][1:]) > 0.8
        losses = estimator.history_["alignment_loss"][1:]
        assert min(losses) < losses[0]
        assert not np.array_equal(estimator.weights_[0], plain.weights_[0])


def test_no_row_is_left_out_of_predictions(adapted, two_domains):
    X, y, sample_domain = two_domains
    estimator = adapted().fit(X, y, sample_domain=sample_domain)
    assert len(estimator.predict(X)) == len(estimator.predict_proba(X)) == 144


def test_deep_coral_trains_on_the_task(adapted, two_domains):
    """Else its backbone sees the distance of the domains alone."""
    X, y, sample_domain = two_domains
    network = {"recipe": "full", "optimizer": "sgd", "learning_rate": 0.05}
    plain, barely = (
        adapted(method=method, **network).fit(X, y, sample_domain=sample_domain)
        for method in ("source_only", DeepCORAL(trade_off=1e-9))
    )
    before = Backbone.from_model(two_layers((64,))).weights[0]
    moved = np.abs(plain.weights_[0] - before).max()
    assert moved > 1e-3
    assert np.abs(barely.weights_[0] - plain.weights_[0]).max() < moved / 1000
    estimator = adapted(
        method="deep_coral", epochs=20, recipe="full", learning_rate=0.01
    ).fit(X, y, sample_domain=sample_domain)
    source = sample_domain >= 0
    assert estimator.score(X[source], y[source]) > 0.95


def test_a_search_maximizes_the_score_and_refits_from_the_start(adapted, two_domains):
    """Else it picks the greatest loss, and goes on from the last fold."""
    X, y, sample_domain = two_domains
    grid = GridSearchCV(
        adapted(method="deep_coral", recipe="full", epochs=20),
        {"learning_rate": [1e-9, 0.01]},
        cv=StratifiedDomainKFold(2),
        scoring=source_accuracy,
        error_score="raise",
    )
    grid.fit(X, y, groups=sample_domain, sample_domain=sample_domain)
    assert grid.best_params_ == {"learning_rate": 0.01}
    again = clone(grid.best_estimator_).fit(X, y, sample_domain=sample_domain)
    for array, other in zip(again.weights_, grid.best_estimator_.weights_, strict=True):
        assert np.array_equal(array, other)


def source_accuracy(estimator, X, y):
    # The digits of the target are dark on light.
    source = X.mean(axis=1) < 0.5
    return estimator.score(X[source], y[source])


def test_domains_of_another_length_are_refused(adapted, two_domains):
    X, y, sample_domain = two_domains
    with pytest.raises(ValueError, match="143 values"):
        adapted().fit(X, y, sample_domain=sample_domain[1:])


def test_adaptation_needs_no_labels_of_the_target(adapted, two_domains):
    """A label of the target must not be read: not for the classes, not to stop."""
    X, y, sample_domain = two_domains
    fitted = [
        adapted(early_stopping=True).fit(X, labels, sample_domain=sample_domain)
        for labels in (y, np.where(sample_domain < 0, 99, y))
    ]
    histories = [model.history_ | {"seconds": None} for model in fitted]
    assert histories[0] == histories[1]
    assert fitted[1].classes_.tolist() == [0, 1, 2]
