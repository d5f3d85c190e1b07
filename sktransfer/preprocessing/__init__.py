"""Mappings and weights of source samples, for any scikit-learn classifier."""

from sktransfer.preprocessing.coral import CORAL
from sktransfer.preprocessing.density_ratio import density_ratio_weights
from sktransfer.preprocessing.optimal_transport import OTMapping

__all__ = ["CORAL", "OTMapping", "density_ratio_weights"]


def __dir__():
    return __all__
