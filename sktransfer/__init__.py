"""Transfer learning with pretrained Keras networks as scikit-learn estimators.

Public names are loaded on first use, so importing the package loads no
TensorFlow.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sktransfer.adapted import DomainAdaptedClassifier
    from sktransfer.backbones.backbone import Backbone
    from sktransfer.classifier import TransferClassifier
    from sktransfer.features import BackboneFeatures
    from sktransfer.recipe import Recipe
    from sktransfer.training.feature_store import feature_store
    from sktransfer.transferability.evaluation import transfer_report
    from sktransfer.weight_averaging import soup

__version__ = "0.1.0"

__all__ = [
    "Backbone",
    "BackboneFeatures",
    "DomainAdaptedClassifier",
    "Recipe",
    "TransferClassifier",
    "feature_store",
    "soup",
    "transfer_report",
]

_MODULE_OF_NAME = {
    "Backbone": "sktransfer.backbones.backbone",
    "BackboneFeatures": "sktransfer.features",
    "DomainAdaptedClassifier": "sktransfer.adapted",
    "Recipe": "sktransfer.recipe",
    "TransferClassifier": "sktransfer.classifier",
    "feature_store": "sktransfer.training.feature_store",
    "transfer_report": "sktransfer.transferability.evaluation",
    "soup": "sktransfer.weight_averaging",
}


def __getattr__(name):
    if name not in _MODULE_OF_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_MODULE_OF_NAME[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
