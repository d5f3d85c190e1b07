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
    clf = TransferClassifier(
        callbacks=[Watch(X)], random_state=0, **({"epochs": 3} | parameters)
    )
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
