"""Plots of results, as Display classes like those of scikit-learn."""

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


def __dir__():
    return __all__
