"""The whole fitted network as a Keras model."""

import keras
import numpy as np
import pandas as pd
import pytest
from networks import convolutional
from sklearn.datasets import load_wine

from sktransfer import Backbone, DomainAdaptedClassifier, TransferClassifier

X, Y = load_wine(return_X_y=True)
QUICK = {"epochs": 3, "random_state": 0}


@pytest.mark.parametrize(
    "parameters",
    [
        {"backbone": "mlp"},
        {"backbone": "mlp", "dtype": "float64"},
        {"backbone": "mlp", "frozen_depth": "all"},
        {"backbone": "tabular", "epochs": None, "dtype": "float64"},
        {"backbone": "tabular", "recipe": "full"},
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_predicts_what_the_classifier_predicts(parameters, tmp_path):
    # Two columns tell nothing, so that the table network leaves them out.
    rows = np.column_stack(
        [np.ones(len(X)), X * 10.0 ** np.arange(-6, 7), np.ones(len(X))]
    )
    clf = TransferClassifier(**(QUICK | parameters)).fit(rows[::3], Y[::3])
    model = clf.to_keras()
    expected = clf.predict_proba(rows)
    np.testing.assert_allclose(model.predict(rows, verbose=0), expected, atol=1e-4)
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    np.testing.assert_allclose(loaded.predict(rows, verbose=0), expected, atol=1e-4)


def test_of_a_network_of_images():
    images = np.random.default_rng(0).normal(size=(30, 8, 8, 1)).astype("float32")
    clf = TransferClassifier(convolutional, **QUICK).fit(images, np.arange(30) % 3)
    np.testing.assert_allclose(
        clf.to_keras().predict(images, verbose=0),
        clf.predict_proba(images),
        atol=1e-5,
    )


def test_several_labels_and_missing_values():
    labels = np.column_stack([Y == 0, Y < 2]).astype(int)
    clf = TransferClassifier("mlp", **QUICK).fit(X, labels)
    np.testing.assert_allclose(
        clf.to_keras().predict(X, verbose=0), clf.predict_proba(X), atol=1e-5
    )
    gaps = np.where(np.arange(X.size).reshape(X.shape) % 7 == 0, np.nan, X)
    clf = TransferClassifier("tabular", random_state=0).fit(gaps, Y)
    np.testing.assert_allclose(
        clf.to_keras().predict(gaps, verbose=0), clf.predict_proba(gaps), atol=1e-4
    )


def test_after_an_adaptation_to_another_scale():
    domain = np.where(np.arange(len(X)) % 2, 0, -1)
    rows = np.where(domain[:, None] < 0, 3 * X + 5, X)
    clf = DomainAdaptedClassifier("mlp", method="domain_standardize", **QUICK)
    clf.fit(rows, Y, sample_domain=domain)
    np.testing.assert_allclose(
        clf.to_keras().predict(rows, verbose=0), clf.predict_proba(rows), atol=1e-5
    )


def test_the_network_of_a_backbone_standardizes_too():
    clf = TransferClassifier("mlp", **QUICK).fit(X, Y)
    model = clf.backbone_.build()
    again = Backbone.from_model(model, feature_layer="output")
    new = TransferClassifier(again, head="new", recipe="linear_probe").fit(X, Y)
    same = TransferClassifier(clf.backbone_, recipe="linear_probe").fit(X, Y)
    np.testing.assert_allclose(new.predict_proba(X), same.predict_proba(X), atol=1e-4)


def test_columns_that_are_no_numbers():
    frame = pd.DataFrame(X).rename(columns=str).assign(kind=np.where(Y, "a", "b"))
    clf = TransferClassifier(random_state=0).fit(frame, Y)
    with pytest.raises(ValueError, match="'kind'"):
        clf.to_keras()


@pytest.mark.parametrize("backbone", ["mlp", "tabular"])
def test_float64_is_not_rounded(backbone):
    rows = X + 1e9 * (np.arange(13) == 2)
    clf = TransferClassifier(backbone, dtype="float64", random_state=0).fit(rows, Y)
    model = clf.to_keras()
    np.testing.assert_allclose(
        np.asarray(model(rows)), clf.predict_proba(rows), atol=1e-5
    )


@pytest.mark.parametrize("backbone", ["mlp", "tabular"])
@pytest.mark.parametrize("factor", [1e-38, 1e39])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_columns_out_of_range(backbone, factor):
    clf = TransferClassifier(backbone, random_state=0).fit(X * factor, Y)
    with pytest.raises(ValueError, match=r"Column \d+ of X .* Keras .* Scale"):
        clf.to_keras()


def test_durations_are_no_numbers():
    frame = pd.DataFrame({"wait": pd.to_timedelta(X[:, 0], unit="D"), "b": X[:, 1]})
    clf = TransferClassifier("mlp", **QUICK).fit(frame, Y)
    with pytest.raises(ValueError, match="'wait'"):
        clf.to_keras()
