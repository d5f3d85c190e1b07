"""Adaptation methods: how features of source and target are made to agree."""

from sktransfer.adaptation.base import AdaptationMethod, DomainBatch, Phase
from sktransfer.adaptation.cdan import CDAN
from sktransfer.adaptation.dan import DAN
from sktransfer.adaptation.dann import DANN
from sktransfer.adaptation.deep_coral import DeepCORAL
from sktransfer.adaptation.deep_jdot import DeepJDOT
from sktransfer.adaptation.jan import JAN
from sktransfer.adaptation.mcc import MCC
from sktransfer.adaptation.mdd import MDD
from sktransfer.adaptation.source_only import SourceOnly

__all__ = [
    "CDAN",
    "DAN",
    "DANN",
    "JAN",
    "MCC",
    "MDD",
    "AdaptationMethod",
    "DeepCORAL",
    "DeepJDOT",
    "DomainBatch",
    "Phase",
    "SourceOnly",
]
