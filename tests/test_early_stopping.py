"""Early stopping: the validation set, what it is scored by, and what is recorded."""

import numpy as np
import pytest
import sklearn
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss
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
    history = model.history_
    assert history["val_score"][1] == pytest.approx(history["val_accuracy"][1])
    # One scale: the network before training is not scored by the scorer.
    assert history["val_score"][0] is None
    assert model.best_validation_score_ in (None, history["val_score"][1])


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
