"""Early stopping: the validation set, what it is scored by, and what is recorded."""

import numpy as np
import pytest
import sklearn
from networks import convolutional
from sklearn.metrics import (
    accuracy_score,
    adjusted_rand_score,
    balanced_accuracy_score,
    log_loss,
    make_scorer,
    roc_auc_score,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import DomainAdaptedClassifier, TransferClassifier


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6))
    return X, (X[:, 0] + rng.normal(size=200) > 0).astype(int)


def stopped(**parameters):
    defaults = {"early_stopping": True, "epochs": 12, "random_state": 0}
    return TransferClassifier("mlp", **(defaults | parameters))


def test_a_validation_set_of_ones_own(data):
    X, y = data
    model = stopped().fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    assert model.n_iter_ == len(model.validation_scores_)
    # It has the weights of the best epoch, and no sample of X was split off.
    loss = log_loss(y[120:], model.predict_proba(X[120:]))
    assert -model.best_validation_score_ == pytest.approx(loss, rel=1e-5)
    assert model.best_validation_score_ == max(model.validation_scores_)
    plain = stopped(early_stopping=False).fit(X[:120], y[:120])
    assert model.loss_curve_[0] == pytest.approx(plain.loss_curve_[0])


def test_weights_of_the_validation_set(data):
    X, y = data
    weight = np.r_[np.ones(40), np.zeros(40)]
    model = stopped().fit(
        X[:120], y[:120], X_val=X[120:], y_val=y[120:], sample_weight_val=weight
    )
    part = stopped().fit(X[:120], y[:120], X_val=X[120:160], y_val=y[120:160])
    assert model.validation_scores_ == pytest.approx(part.validation_scores_)


@pytest.mark.parametrize(
    ("scoring", "metric"),
    [
        (None, accuracy_score),
        ("accuracy", accuracy_score),
        ("balanced_accuracy", balanced_accuracy_score),
        (lambda model, X, y: model.score(X, y) - 1, None),
    ],
)
def test_scores(data, scoring, metric):
    X, y = data
    model = stopped(scoring=scoring)
    model.fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    if metric is None:
        expected = model.score(X[120:], y[120:]) - 1
    else:
        expected = metric(y[120:], model.predict(X[120:]))
    assert model.best_validation_score_ == pytest.approx(expected)


def test_a_score_does_not_change_the_training(data):
    X, y = data
    own = {"X_val": X[120:], "y_val": y[120:]}
    curves = [
        stopped(scoring=scoring, n_iter_no_change=50, dtype="float64")
        .fit(X[:120], y[:120], **own)
        .loss_curve_
        for scoring in ("loss", None, "roc_auc")
    ]
    assert curves[0] == curves[1] == curves[2]


def test_images_are_scored_in_their_shape():
    from networks import convolutional

    rng = np.random.default_rng(0)
    X, y = rng.uniform(0, 255, size=(60, 64)), np.arange(60) % 2
    model = TransferClassifier(
        convolutional, early_stopping=True, scoring="roc_auc", epochs=2, random_state=0
    ).fit(X.reshape(-1, 8, 8, 1), y)
    assert len(model.validation_scores_) == model.n_iter_


def test_history(data):
    X, y = data
    model = stopped().fit(X, y)
    history = model.history_
    assert list(history) == [
        "stage",
        "loss",
        "accuracy",
        "learning_rate",
        "seconds",
        "val_loss",
        "val_accuracy",
        "val_score",
    ]
    assert all(0 < value <= 1 for value in history["accuracy"])
    assert all(value > 0 for value in history["seconds"])
    np.testing.assert_allclose(history["val_score"], -np.array(history["val_loss"]))
    whole = stopped(early_stopping=False, learning_rate=1e-30, epochs=1).fit(X, y)
    accuracy = accuracy_score(y, whole.predict(X))
    assert whole.history_["accuracy"][0] == pytest.approx(accuracy)


def test_bad_input(data):
    X, y = data
    model = stopped()
    with pytest.raises(ValueError, match="y_val=None"):
        model.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="X_val=None"):
        model.fit(X, y, y_val=y)
    with pytest.raises(ValueError, match="early_stopping=False"):
        stopped(early_stopping=False).fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match=r"X_val.*5 features"):
        model.fit(X, y, X_val=X[:, :5], y_val=y)
    with pytest.raises(ValueError, match=r"y_val has labels that are not in y.*7"):
        model.fit(X, y, X_val=X, y_val=np.where(y, 7, y))
    with pytest.raises(ValueError, match="inconsistent"):
        model.fit(X, y, X_val=X, y_val=y[:9])
    with pytest.raises(ValueError, match="'scoring' parameter"):
        stopped(scoring="accuracyy").fit(X, y)
    assert not hasattr(model, "backbone_")


def test_a_validation_set_in_a_pipeline(data):
    X, y = data
    X = 100 + 50 * X
    with sklearn.config_context(enable_metadata_routing=True):
        plain = Pipeline([("scale", StandardScaler()), ("model", stopped())])
        with pytest.warns(UserWarning, match="X_val has another scale"):
            plain.fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
        routed = Pipeline(
            [("scale", StandardScaler()), ("model", stopped())],
            transform_input=["X_val"],
        ).fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    model = routed.named_steps["model"]
    loss = log_loss(y[120:], routed.predict_proba(X[120:]))
    assert -model.best_validation_score_ == pytest.approx(loss, rel=1e-5)


def test_a_validation_set_beside_two_domains(data):
    X, y = data
    domain = np.where(np.arange(120) < 60, 0, -1)
    model = DomainAdaptedClassifier(
        method="dan", early_stopping=True, epochs=3, random_state=0
    )
    model.fit(X[:120], y[:120], sample_domain=domain, X_val=X[120:], y_val=y[120:])
    assert len(model.validation_scores_) == 3


def test_a_score_in_context_does_not_see_the_labels():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.integers(0, 2, 60)
    model = TransferClassifier(
        recipe="full",
        epochs=1,
        early_stopping=True,
        validation_fraction=0.4,
        scoring=lambda model, X, y: model.score(X, y),
        random_state=0,
    ).fit(X, y)
    (score,), (accuracy,) = (
        model.history_[f"val_{key}"] for key in ("score", "accuracy")
    )
    assert score == model.best_validation_score_ == pytest.approx(accuracy)
    # The labels are random.
    assert score < 0.9


def test_a_scorer_gets_the_weights(data):
    X, y = data
    weight = np.where(np.arange(80) < 40, 1e6, 1e-6)
    scores = [
        stopped(scoring=scoring, epochs=2, dtype="float64")
        .fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:], sample_weight_val=weight)
        .validation_scores_
        for scoring in ("loss", "neg_log_loss")
    ]
    assert scores[0] == pytest.approx(scores[1])
    with pytest.raises(ValueError, match="sample_weight_val needs X_val and y_val"):
        stopped().fit(X, y, sample_weight_val=weight)


@pytest.mark.parametrize("value", [np.nan, None, "good", [0.5]])
def test_what_a_scorer_returns_is_checked(data, value):
    with pytest.raises(ValueError, match=r"scoring=.*expected a finite number"):
        stopped(scoring=lambda model, X, y: value).fit(*data)


def test_a_scorer_may_use_samples_of_its_own(data):
    pd = pytest.importorskip("pandas")
    X, y = pd.DataFrame(data[0], columns=list("abcdef")), data[1]
    model = stopped(scoring=lambda model, *_: model.score(X, y), epochs=2)
    assert len(model.fit(X, y).validation_scores_) == 2


@pytest.mark.parametrize(
    "parameters", [{"recipe": "linear_probe"}, {"frozen_depth": "all"}]
)
def test_a_probe_is_solved_on_all_samples(data, parameters):
    X, y = data
    source = TransferClassifier("mlp", epochs=1, random_state=0).fit(X, y).backbone_
    # One class has a sample alone, which no split could put into both sets.
    y = np.r_[y[:-1], 2]
    model = TransferClassifier(source, random_state=0, **parameters)
    expected = model.fit(X, y).weights_
    with pytest.warns(UserWarning, match="early_stopping=True has no effect"):
        stopped = model.set_params(early_stopping=True).fit(X, y)
    assert all(map(np.array_equal, stopped.weights_, expected))
    assert stopped.validation_scores_ is None


def balanced(estimator, X, y, sample_weight=None):
    return balanced_accuracy_score(y, estimator.predict(X), sample_weight=sample_weight)


@pytest.mark.parametrize(
    "scoring",
    ["balanced_accuracy", make_scorer(balanced_accuracy_score), balanced],
    ids=["name", "scorer", "function"],
)
def test_a_metric_that_uses_weights_gets_them(data, scoring):
    X, y = data
    weight = np.where(np.arange(80) < 40, 1e6, 1e-6)
    model = stopped(scoring=scoring, epochs=1)
    model.fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:], sample_weight_val=weight)
    expected = balanced(model, X[120:160], y[120:160])
    assert model.best_validation_score_ == pytest.approx(expected)


@pytest.mark.parametrize(
    "scoring",
    [
        "adjusted_rand_score",
        make_scorer(adjusted_rand_score),
        lambda model, X, y: adjusted_rand_score(y, model.predict(X)),
    ],
    ids=["name", "scorer", "function"],
)
def test_a_metric_without_weights_is_not_weighted(data, scoring):
    X, y = data
    weight = np.where(np.arange(80) < 40, 1e6, 1e-6)
    model = stopped(scoring=scoring, epochs=1)
    model.fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:], sample_weight_val=weight)
    expected = adjusted_rand_score(y[120:], model.predict(X[120:]))
    assert model.best_validation_score_ == pytest.approx(expected)


def test_one_vs_one_scores_have_no_weights(data):
    X, _ = data
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    weight = np.linspace(0.1, 1, 80)
    model = stopped(scoring="roc_auc_ovo", epochs=1)
    model.fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:], sample_weight_val=weight)
    expected = roc_auc_score(y[120:], model.predict_proba(X[120:]), multi_class="ovo")
    assert model.best_validation_score_ == pytest.approx(expected, rel=1e-4)


def test_class_weights_multiply_the_weights_of_x_alone(data):
    """As in HistGradientBoostingClassifier."""
    X, y = data
    source = TransferClassifier("mlp", epochs=1, random_state=0).fit(X, y).backbone_

    def fit(class_weight, *args, **kwargs):
        parameters = {"early_stopping": True, "epochs": 2, "dtype": "float64"}
        model = TransferClassifier(
            source, class_weight=class_weight, random_state=0, **parameters
        )
        return model.fit(*args, **kwargs)

    by_class, by_sample = fit({0: 5.0}, X, y), fit(None, X, y, np.where(y, 1.0, 5.0))
    assert by_class.validation_scores_ == by_sample.validation_scores_
    own = fit({0: 5.0}, X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    loss = log_loss(y[120:], own.predict_proba(X[120:]))
    assert -own.best_validation_score_ == pytest.approx(loss)


def test_a_validation_set_of_another_shape_is_named():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(0, 255, (40, 8, 8, 1)), np.arange(40) % 2
    model = TransferClassifier(convolutional, early_stopping=True, epochs=1)
    with pytest.raises(ValueError, match=r"X_val has samples of shape \(8, 8, 3\)"):
        model.fit(X, y, X_val=np.repeat(X, 3, axis=3), y_val=y)
