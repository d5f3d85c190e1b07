"""Error messages that suggest the name that was meant."""

import numpy as np
import pytest

from sktransfer import DomainAdaptedClassifier, Recipe, TransferClassifier
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
