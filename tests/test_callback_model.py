"""The model that Keras callbacks see: the whole network, in step with the training."""

import keras
import numpy as np
import pytest
from networks import convolutional, two_layers
from sklearn.datasets import load_wine

from sktransfer import Recipe, TransferClassifier

X, Y = load_wine(return_X_y=True)
IMAGES = np.random.default_rng(0).normal(size=(40, 8, 8, 1)).astype("float32")


class Watch(keras.callbacks.Callback):
    """Keeps the predictions and the logs of each epoch; shared with copies."""

    seen: list = []

    def __init__(self, samples):
        super().__init__()
        self.samples = samples

    def on_epoch_end(self, epoch, logs=None):
        proba = self.model.predict(self.samples, verbose=0)
        Watch.seen.append((proba, dict(logs)))


def fit(X, y, **parameters):
    Watch.seen = []
    options = {"epochs": 3, "callbacks": [Watch(X)]} | parameters
    clf = TransferClassifier(random_state=0, **options)
    return clf.fit(X, y), Watch.seen


@pytest.mark.parametrize(
    "parameters",
    [
        {"backbone": "mlp"},
        {"backbone": "mlp", "optimizer": keras.optimizers.SGD(1e-2)},
        {"backbone": two_layers, "recipe": "full", "frozen_depth": 1},
        {"backbone": two_layers, "recipe": "full", "frozen_depth": "all"},
        {"backbone": two_layers, "recipe": "lp_ft"},
        {"backbone": two_layers, "recipe": "gradual", "epochs": 4},
        {"backbone": two_layers, "recipe": Recipe("full", tune="bias")},
        {"backbone": two_layers, "recipe": Recipe("full", tune="lora")},
        {"backbone": two_layers, "recipe": "full", "dtype": "float64"},
    ],
)
def test_predicts_what_the_classifier_predicts(parameters):
    clf, seen = fit(X, Y, **parameters)
    assert len(seen) >= 3
    np.testing.assert_allclose(seen[-1][0], clf.predict_proba(X), atol=1e-4)
    for proba, logs in seen:
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
        assert {"loss", "accuracy"} <= set(logs)


def test_of_images_and_several_labels():
    labels = np.column_stack([np.arange(40) % 2, np.arange(40) % 3 == 0]).astype(int)
    clf, seen = fit(IMAGES, labels, backbone=convolutional, recipe="full")
    np.testing.assert_allclose(seen[-1][0], clf.predict_proba(IMAGES), atol=1e-4)


def test_logs_have_the_scores_of_the_validation_set():
    clf, seen = fit(X, Y, backbone="mlp", early_stopping=True, epochs=2)
    for key in ("accuracy", "val_accuracy", "val_loss"):
        assert [logs[key] for _, logs in seen] == clf.history_[key]


@pytest.mark.parametrize("backbone", ["mlp", two_layers])
def test_a_checkpoint_is_the_classifier(backbone, tmp_path):
    path = tmp_path / "best.keras"
    checkpoint = keras.callbacks.ModelCheckpoint(
        path, monitor="val_loss", save_best_only=True
    )
    clf = TransferClassifier(
        backbone,
        epochs=15,
        early_stopping=True,
        tol=0,
        recipe="full",
        callbacks=[checkpoint],
        random_state=0,
    ).fit(X, Y)
    proba = keras.models.load_model(path).predict(X, verbose=0)
    np.testing.assert_allclose(proba, clf.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("recipe", ["full", "lp_ft", "gradual"])
@pytest.mark.parametrize("backbone", ["mlp", two_layers])
def test_weights_of_a_checkpoint_fit_the_keras_model(backbone, recipe, tmp_path):
    path = tmp_path / "last.weights.h5"
    checkpoint = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
    clf, _ = fit(X, Y, backbone=backbone, recipe=recipe, callbacks=[checkpoint])
    model = clf.to_keras()
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    model.load_weights(path)
    proba = model.predict(X, verbose=0)
    np.testing.assert_allclose(proba, clf.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("monitor", ["accuracy", "val_accuracy"])
def test_accuracy_is_maximized(monitor):
    stop = keras.callbacks.EarlyStopping(monitor, patience=2, min_delta=2.0)
    clf = TransferClassifier(
        "mlp", epochs=9, early_stopping=True, callbacks=[stop], random_state=0
    )
    assert clf.fit(X, Y).n_iter_ == 3


class OnBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise AssertionError


class MyStopping(keras.callbacks.EarlyStopping):
    pass


@pytest.mark.parametrize(
    ("callback", "warns"),
    [
        (OnBatches(), True),
        (keras.callbacks.LambdaCallback(on_train_batch_end=print), True),
        (keras.callbacks.ModelCheckpoint("never.keras", save_freq=10**9), True),
        (keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None), False),
        (MyStopping(monitor="loss"), False),
        ("TerminateOnNaN", False),
        (keras.callbacks.ReduceLROnPlateau(monitor="loss"), False),
    ],
)
def test_callbacks_for_batches(callback, warns, recwarn):
    TransferClassifier("mlp_ensemble", epochs=1, callbacks=[callback]).fit(X, Y)
    found = [w for w in recwarn if "methods for batches" in str(w.message)]
    assert len(found) == warns


def test_the_first_batch_of_partial_fit_must_vary():
    clf = TransferClassifier("mlp", random_state=0)
    with pytest.raises(ValueError, match=r"No column of X varies.*larger first batch"):
        clf.partial_fit(X[:1], Y[:1], classes=[0, 1, 2])
    assert not hasattr(clf, "backbone_")
    rows = X[:40].copy()
    rows[:, 3] = 7.0
    with pytest.warns(UserWarning, match="do not vary and are ignored: 3"):
        clf.partial_fit(rows, Y[:40], classes=[0, 1, 2])


def test_callbacks_cannot_change_a_schedule():
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-2, 10, 0.9)
    for callback in (
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate),
        keras.callbacks.ReduceLROnPlateau(monitor="loss"),
    ):
        clf = TransferClassifier(
            "mlp", epochs=2, learning_rate=schedule, callbacks=[callback]
        )
        with pytest.raises(ValueError, match="cannot change the learning rate"):
            clf.fit(X, Y)


def test_a_checkpoint_in_a_legacy_file(tmp_path):
    path = tmp_path / "last.h5"
    callbacks = [keras.callbacks.ModelCheckpoint(path)]
    clf, _ = fit(X, Y, backbone=two_layers, recipe="full", callbacks=callbacks)
    proba = keras.models.load_model(path, compile=False).predict(X, verbose=0)
    np.testing.assert_allclose(proba, clf.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("backbone", ["mlp", "tabular"])
def test_a_legacy_file_that_keras_could_not_read(backbone, tmp_path):
    path = tmp_path / "last.h5"
    clf = TransferClassifier(
        backbone,
        recipe="full",
        epochs=1,
        callbacks=[keras.callbacks.ModelCheckpoint(path)],
    )
    with pytest.raises(ValueError, match=r"ModelCheckpoint.*last.h5.*ends in \.keras"):
        clf.fit(X[::4], Y[::4])
    assert not path.exists()
