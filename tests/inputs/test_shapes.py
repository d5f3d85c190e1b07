"""Samples in the shape that a backbone expects."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from networks import convolutional

from sktransfer import (
    BackboneFeatures,
    DomainAdaptedClassifier,
    TransferClassifier,
)
from sktransfer._inputs.samples import shape_rows
from sktransfer.exceptions import BackboneError


@pytest.mark.parametrize(
    ("shape", "input_shape"),
    [
        ((12,), (2, 2, 3)),
        ((12,), (None, 3)),
        ((2, 6), (2, 6)),
        ((4, 3), (None, 3)),
        ((8, 8), (8, 8, 1)),
        ((8, 8, 1), (8, 8)),
    ],
)
def test_flat_samples_and_axes_of_length_1_are_reshaped(shape, input_shape):
    X = np.arange(2.0 * np.prod(shape)).reshape(2, *shape)
    result = shape_rows(X, input_shape)
    assert result.ndim == 1 + len(input_shape)
    np.testing.assert_array_equal(result.ravel(), X.ravel())


@pytest.mark.parametrize(
    ("shape", "input_shape", "advice"),
    [
        ((3, 100), (100, 3), r"X.transpose\(0, 2, 1\)"),
        ((3, 100), (None, 3), r"X.transpose\(0, 2, 1\)"),
        ((3, 32, 32), (32, 32, 3), r"X.transpose\(0, 2, 3, 1\)"),
        ((3, 16, 16), (None, None, 3), r"X.transpose\(0, 2, 3, 1\)"),
        ((4, 6), (24,), r"X.reshape\(len\(X\), -1\)"),
        ((4, 6), (8, 3), ""),
    ],
)
def test_other_axes_are_no_reshape(shape, input_shape, advice):
    with pytest.raises(BackboneError, match=advice) as info:
        shape_rows(np.zeros((5, *shape)), input_shape)
    assert str(shape) in str(info.value)
    assert str(input_shape) in str(info.value)


def test_axes_in_another_order_at_predict():
    images = np.random.default_rng(0).normal(size=(10, 8, 6, 1))
    clf = TransferClassifier(lambda: convolutional((8, 6, 1)), epochs=1)
    clf.fit(images, np.arange(10) % 2)
    with pytest.raises((BackboneError, ValueError), match=r"\(6, 8, 1\)|transpose"):
        clf.predict(images.transpose(0, 2, 1, 3))


def test_samples_of_several_axes_keep_their_shape():
    X = np.random.default_rng(0).normal(size=(30, 3, 4))
    clf = TransferClassifier("mlp", random_state=0).fit(X, np.arange(30) % 2)
    expected = clf.predict_proba(X)
    np.testing.assert_allclose(
        clf.to_keras().predict(X, verbose=0), expected, atol=1e-4
    )
    with pytest.raises(BackboneError, match=r"X.transpose\(0, 2, 1\)"):
        clf.predict(X.transpose(0, 2, 1))


@pytest.mark.parametrize("cls", [TransferClassifier, DomainAdaptedClassifier])
@pytest.mark.parametrize("shape", [(8, 3), (8, 8, 3)])
def test_the_table_network_expects_tables(cls, shape):
    X, y = np.zeros((12, *shape)), np.arange(12) % 2
    clf = cls("tabular")
    with pytest.raises(BackboneError) as raised:
        clf.fit(X, y, **({} if cls is TransferClassifier else {"X_target": (X,)}))
    message = str(raised.value)
    for part in ("'tabular'", str(shape), "MobileNetV2", "X.reshape(len(X), -1)"):
        assert part in message
    assert not hasattr(clf, "n_features_in_")


@pytest.mark.parametrize(
    ("X", "advice"),
    [
        (pd.Series(np.arange(12.0), name="a"), "X.to_frame()"),
        (pd.Series(["a", "b"] * 6, dtype="category"), "X.to_frame()"),
        (pl.Series("a", np.arange(12.0)), "X.to_frame()"),
        ({"a": np.arange(12.0)}, "pandas.DataFrame(X)"),
    ],
)
def test_a_column_is_no_table(X, advice):
    y = np.arange(12) % 2
    frame = pd.DataFrame({"a": np.arange(12.0)})
    fitted = TransferClassifier("mlp", epochs=1).fit(frame, y)
    calls = [
        lambda: TransferClassifier("mlp").fit(X, y),
        lambda: TransferClassifier().fit(X, y),
        lambda: fitted.predict(X),
        lambda: DomainAdaptedClassifier().fit(frame, y, X_target=X),
        lambda: BackboneFeatures(convolutional).fit(X),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="expected a table with a row") as raised:
            call()
        assert advice in str(raised.value)
