"""Error messages that suggest the name that was meant."""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone

from sktransfer import (
    BackboneFeatures,
    DomainAdaptedClassifier,
    Recipe,
    TransferClassifier,
)
from sktransfer._suggestions import did_you_mean
from sktransfer.exceptions import BackboneError

X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lp-ft", "lp_ft"),
        ("Normalisation", "normalization"),
        ("mobilenetv2", "MobileNetV2"),
        ("zzz", None),
    ],
)
def test_spellings(name, meant):
    hint = did_you_mean(name, ["lp_ft", "normalization", "MobileNetV2"])
    assert hint == (f" Did you mean {meant!r}?" if meant else "")


@pytest.mark.parametrize(
    ("parameters", "meant"),
    [
        ({"recipe": "lp-ft"}, "lp_ft"),
        ({"recipe": "linear-probe"}, "linear_probe"),
        ({"recipe": "in-context"}, "in_context"),
        ({"recipe": Recipe("lp-ft")}, "lp_ft"),
        ({"recipe": Recipe(tune="biases")}, "bias"),
        ({"scoring": "acuracy"}, "accuracy"),
        ({"head": "keeps"}, "keep"),
        ({"optimizer": "adamww"}, "adamw"),
        ({"backbone": "tabluar"}, "tabular"),
    ],
)
def test_options_of_the_estimators(parameters, meant):
    with pytest.raises((TypeError, ValueError), match=f"Did you mean '{meant}'"):
        TransferClassifier(**({"backbone": "mlp"} | parameters)).fit(X, Y)


@pytest.mark.parametrize(
    ("method", "meant"),
    [
        ("source-only", "source_only"),
        ("domain_standardise", "domain_standardize"),
        ("DANN", "dann"),
    ],
)
def test_methods(method, meant):
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        DomainAdaptedClassifier(method=method).fit(X, Y)


def test_nothing_is_suggested_for_other_errors():
    with pytest.raises(ValueError, match=r"batch_size.*Got 0 instead\.$"):
        TransferClassifier(batch_size=0).fit(X, Y)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mobilenetv2", "MobileNetV2"),
        ("mobilenet_v2", "MobileNetV2"),
        ("MobileNet V2", "MobileNetV2"),
        ("resnet-50-v2", "ResNet50V2"),
        ("efficientnet_v2_s", "EfficientNetV2S"),
        ("convnext_tiny", "ConvNeXtTiny"),
        ("vgg_16", "VGG16"),
        ("Tabular", "tabular"),
        ("MLP", "mlp"),
    ],
)
def test_names_of_networks(name, meant):
    X, y = np.zeros((4, 32, 32, 3)), [0, 1, 0, 1]
    with pytest.raises(BackboneError, match=f"Did you mean '{meant}'"):
        TransferClassifier(name).fit(X, y)


def test_a_suggestion_is_for_the_parameter_of_the_message():
    with pytest.raises(ValueError, match=r"'batch_size'.*Got -1 instead\.$"):
        TransferClassifier(batch_size=-1, recipe="ful").fit(X, Y)


@pytest.mark.parametrize(
    ("cls", "keyword", "meant"),
    [
        (TransferClassifier, "freeze_depth", "frozen_depth"),
        (TransferClassifier, "lr", "learning_rate"),
        (TransferClassifier, "seed", "random_state"),
        (DomainAdaptedClassifier, "metod", "method"),
        (DomainAdaptedClassifier, "patience", "n_iter_no_change"),
        (BackboneFeatures, "feature_layr", "feature_layer"),
        (Recipe, "mixup", "mixup_alpha"),
    ],
)
def test_unknown_parameters(cls, keyword, meant):
    message = f"^{cls.__name__} has no parameter '{keyword}'. Did you mean '{meant}'"
    with pytest.raises(TypeError, match=message):
        cls(**{keyword: 1})


def test_a_parameter_that_is_like_no_other():
    with pytest.raises(TypeError, match=r"'zzzz'. It has backbone, weights, .*verbose"):
        TransferClassifier(zzzz=1)


def test_parameters_without_a_name():
    with pytest.raises(TypeError, match=r"^TransferClassifier got 2 .* 1: backbone\."):
        TransferClassifier("mlp", "auto")
    with pytest.raises(TypeError, match=r"fit got 4 .* at most 3: X, y, sample_weight"):
        TransferClassifier().fit(X, Y, None, X)


@pytest.mark.parametrize(
    ("cls", "keyword", "advice"),
    [
        (TransferClassifier, "sample_domain", "DomainAdaptedClassifier.fit has it"),
        (TransferClassifier, "X_target", "DomainAdaptedClassifier.fit has it"),
        (TransferClassifier, "epochs", r"estimator: TransferClassifier\(epochs=...\)"),
        (TransferClassifier, "sample_weights", "Did you mean 'sample_weight'"),
        (TransferClassifier, "validation_data", "Did you mean 'X_val'"),
        (DomainAdaptedClassifier, "domain", "Did you mean 'sample_domain'"),
        (DomainAdaptedClassifier, "target", "Did you mean 'X_target'"),
    ],
)
def test_unknown_arguments_of_fit(cls, keyword, advice):
    message = f"^{cls.__name__}.fit has no parameter '{keyword}'. .*{advice}"
    with pytest.raises(TypeError, match=message):
        cls("mlp").fit(X, Y, **{keyword: Y})


def test_unknown_arguments_of_partial_fit():
    with pytest.raises(TypeError, match=r"partial_fit has .*Did you mean 'classes'"):
        TransferClassifier("mlp").partial_fit(X, Y, clases=[0, 1])


class WithOneMore(TransferClassifier):
    def __init__(self, more, backbone="mlp"):
        super().__init__(backbone)
        self.more = more


def test_signatures_and_copies_are_as_before():
    for cls in (TransferClassifier, DomainAdaptedClassifier, BackboneFeatures, Recipe):
        names = list(inspect.signature(cls).parameters)
        assert sorted(names) == cls._get_param_names()
    assert list(inspect.signature(TransferClassifier.fit).parameters)[:3] == [
        "self",
        "X",
        "y",
    ]
    estimator = WithOneMore(3)
    for copy in (clone(estimator), pickle.loads(pickle.dumps(estimator))):
        assert copy.get_params() == {"more": 3, "backbone": "mlp"}
