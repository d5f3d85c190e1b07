"""Pictures of results, as scikit-learn's Display classes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sktransfer.plotting.domain_features import DomainFeaturesDisplay
    from sktransfer.plotting.frozen_depth import FrozenDepthDisplay
    from sktransfer.plotting.training_curve import TrainingCurveDisplay
    from sktransfer.plotting.transfer_report import TransferReportDisplay
    from sktransfer.plotting.transferability import TransferabilityDisplay

__all__ = [
    "DomainFeaturesDisplay",
    "FrozenDepthDisplay",
    "TrainingCurveDisplay",
    "TransferReportDisplay",
    "TransferabilityDisplay",
]

_MODULE_OF_NAME = {
    "DomainFeaturesDisplay": "sktransfer.plotting.domain_features",
    "FrozenDepthDisplay": "sktransfer.plotting.frozen_depth",
    "TrainingCurveDisplay": "sktransfer.plotting.training_curve",
    "TransferReportDisplay": "sktransfer.plotting.transfer_report",
    "TransferabilityDisplay": "sktransfer.plotting.transferability",
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
