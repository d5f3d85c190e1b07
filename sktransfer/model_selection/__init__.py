"""Splitters by domain, and scorers that need no labels of the target."""

from sktransfer.model_selection.agreement import EnsembleAgreement
from sktransfer.model_selection.circular import CircularValidation
from sktransfer.model_selection.clusters import ClassAMIScorer
from sktransfer.model_selection.entropy import InfoMaxScorer, PredictionEntropyScorer
from sktransfer.model_selection.importance import (
    DeepEmbeddedValidation,
    ImportanceWeightedScorer,
)
from sktransfer.model_selection.mixing import MixValScorer
from sktransfer.model_selection.neighborhood import SoftNeighborhoodDensity
from sktransfer.model_selection.nuclear_norm import BNMScorer
from sktransfer.model_selection.partition import (
    LeaveOneDomainOut,
    StratifiedDomainKFold,
)
from sktransfer.model_selection.shuffle_split import (
    DomainShuffleSplit,
    SourceTargetShuffleSplit,
    StratifiedDomainShuffleSplit,
)
from sktransfer.model_selection.supervised import SupervisedScorer

__all__ = [
    "BNMScorer",
    "CircularValidation",
    "ClassAMIScorer",
    "DeepEmbeddedValidation",
    "DomainShuffleSplit",
    "EnsembleAgreement",
    "ImportanceWeightedScorer",
    "InfoMaxScorer",
    "LeaveOneDomainOut",
    "MixValScorer",
    "PredictionEntropyScorer",
    "SoftNeighborhoodDensity",
    "SourceTargetShuffleSplit",
    "StratifiedDomainKFold",
    "StratifiedDomainShuffleSplit",
    "SupervisedScorer",
]


def __dir__():
    return __all__
