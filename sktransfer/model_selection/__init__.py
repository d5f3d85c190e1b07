"""Splitters that know domains, and scorers that need no target labels."""

from sktransfer.model_selection.partition import (
    LeaveOneDomainOut,
    StratifiedDomainKFold,
)
from sktransfer.model_selection.shuffle_split import (
    DomainShuffleSplit,
    SourceTargetShuffleSplit,
    StratifiedDomainShuffleSplit,
)

__all__ = [
    "DomainShuffleSplit",
    "LeaveOneDomainOut",
    "SourceTargetShuffleSplit",
    "StratifiedDomainKFold",
    "StratifiedDomainShuffleSplit",
]
