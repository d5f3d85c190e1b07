"""Transfer learning with pretrained Keras networks as scikit-learn estimators.

Public names are loaded on first use, so importing the package loads no
TensorFlow.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sktransfer.adapted import DomainAdaptedClassifier
    from sktransfer.averaging import soup
    from sktransfer.backbones.backbone import Backbone
    from sktransfer.classifier import TransferClassifier
    from sktransfer.features import BackboneFeatures
    from sktransfer.recipe import Recipe
    from sktransfer.training.store.feature_store import feature_store
    from sktransfer.transferability.evaluation import transfer_report

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
    "feature_store": "sktransfer.training.store.feature_store",
    "transfer_report": "sktransfer.transferability.evaluation",
    "soup": "sktransfer.averaging",
}


def _lazy_names(namespace, module_of_name):
    """Make a package's `__getattr__` and `__dir__`.

    Parameters
    ----------
    namespace : dict
        The package's ``globals()``, which gets each name when it is loaded.
    module_of_name : dict of str
        The module that holds each public name.

    Returns
    -------
    tuple of two callables
    """

    def __getattr__(name):
        if name not in module_of_name:
            package = namespace["__name__"]
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(module_of_name[name]), name)
        namespace[name] = value
        return value

    def __dir__():
        return sorted({*namespace, *module_of_name})

    return __getattr__, __dir__


__getattr__, __dir__ = _lazy_names(globals(), _MODULE_OF_NAME)
