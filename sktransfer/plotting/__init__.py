"""Pictures of results, as scikit-learn's Display classes."""

from typing import TYPE_CHECKING

from sktransfer import _lazy_names

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

__getattr__, __dir__ = _lazy_names(globals(), _MODULE_OF_NAME)
