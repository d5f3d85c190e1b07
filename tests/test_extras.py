"""Optional packages that are not installed, and what the errors say."""

import sys

import numpy as np
import pytest

from sktransfer import (
    BackboneFeatures,
    DomainAdaptedClassifier,
    ResultsTable,
    TransferClassifier,
)
from sktransfer.adaptation import Auto, DeepJDOT, SourceOnly
from sktransfer.plotting import DomainFeaturesDisplay, TrainingCurveDisplay

X = np.random.default_rng(0).normal(size=(20, 3))
y = np.arange(20) % 2
DOMAINS = np.repeat([0, -1], 10)


@pytest.mark.parametrize(
    "method",
    ["deep_jdot", DeepJDOT(trade_off=0.5), Auto(candidates=[SourceOnly(), DeepJDOT()])],
    ids=str,
)
def test_pot(method, monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)

    def fit(*args):
        raise AssertionError("the training has started")

    monkeypatch.setattr("sktransfer.learners.by_steps.BySteps.fit", fit)
    clf = DomainAdaptedClassifier(method=method)
    message = r'^method=DeepJDOT.* needs ot.*pip install "sktransfer\[ot\]"'
    with pytest.raises(ImportError, match=message):
        clf.fit(X, y, sample_domain=DOMAINS)
    assert not hasattr(clf, "classes_")


def test_matplotlib(monkeypatch):
    clf = TransferClassifier("mlp", epochs=1).fit(X, y)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)

    def predict(*args):
        raise AssertionError("the features are computed")

    monkeypatch.setattr("sktransfer.plotting.domain_features.compute_features", predict)
    message = r'^A plot needs matplotlib.*pip install "sktransfer\[plotting'
    with pytest.raises(ImportError, match=message):
        DomainFeaturesDisplay.from_estimator(clf, X, y, sample_domain=DOMAINS)
    with pytest.raises(ImportError, match=message):
        TrainingCurveDisplay.from_estimator(clf)


def test_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    table = ResultsTable([{"score": 1.0}])
    message = r'^to_pandas needs pandas.*pip install "pandas"'
    with pytest.raises(ImportError, match=message):
        table.to_pandas()
    assert table["score"] == [1.0]


@pytest.mark.parametrize("estimator", [TransferClassifier, BackboneFeatures])
def test_keras_hub(estimator, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    images = np.zeros((4, 8, 8, 3))
    message = (
        r"^backbone='hub:resnet_18_imagenet' needs keras_hub.*"
        r'pip install "sktransfer\[hub\]"'
    )
    with pytest.raises(ImportError, match=message):
        estimator("hub:resnet_18_imagenet").fit(images, [0, 1, 0, 1])
