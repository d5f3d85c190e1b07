"""Transfer learning with pretrained Keras networks as scikit-learn estimators.

Public names are loaded on first use, so importing the package loads no
TensorFlow.
"""

from typing import TYPE_CHECKING

from sktransfer._lazy import lazy_names as _lazy_names

if TYPE_CHECKING:
    from sktransfer import (
        adaptation,
        datasets,
        exceptions,
        model_selection,
        plotting,
        preprocessing,
        transferability,
    )
    from sktransfer._caches import CacheInfo, cache_info, clear_caches
    from sktransfer._results_table import ResultsTable
    from sktransfer.adapted import DomainAdaptedClassifier
    from sktransfer.averaging import soup
    from sktransfer.backbones.backbone import Backbone
    from sktransfer.backbones.layers_table import LayersTable
    from sktransfer.classifier import TransferClassifier
    from sktransfer.features import BackboneFeatures
    from sktransfer.recipe import Recipe
    from sktransfer.training.store.feature_store import FeatureStore, feature_store
    from sktransfer.transferability.backbones import rank_backbones
    from sktransfer.transferability.evaluation import transfer_report
    from sktransfer.transferability.sources import rank_sources

__version__ = "0.1.0"

__all__ = [
    "Backbone",
    "BackboneFeatures",
    "CacheInfo",
    "DomainAdaptedClassifier",
    "FeatureStore",
    "LayersTable",
    "Recipe",
    "ResultsTable",
    "TransferClassifier",
    "__version__",
    "adaptation",
    "cache_info",
    "clear_caches",
    "datasets",
    "exceptions",
    "feature_store",
    "model_selection",
    "plotting",
    "preprocessing",
    "rank_backbones",
    "rank_sources",
    "soup",
    "transfer_report",
    "transferability",
]

_MODULES = {
    "Backbone": "sktransfer.backbones.backbone",
    "BackboneFeatures": "sktransfer.features",
    "CacheInfo": "sktransfer._caches",
    "DomainAdaptedClassifier": "sktransfer.adapted",
    "FeatureStore": "sktransfer.training.store.feature_store",
    "LayersTable": "sktransfer.backbones.layers_table",
    "Recipe": "sktransfer.recipe",
    "ResultsTable": "sktransfer._results_table",
    "TransferClassifier": "sktransfer.classifier",
    "cache_info": "sktransfer._caches",
    "clear_caches": "sktransfer._caches",
    "feature_store": "sktransfer.training.store.feature_store",
    "rank_backbones": "sktransfer.transferability.backbones",
    "rank_sources": "sktransfer.transferability.sources",
    "soup": "sktransfer.averaging",
    "transfer_report": "sktransfer.transferability.evaluation",
}

__getattr__, __dir__ = _lazy_names(globals(), _MODULES)
