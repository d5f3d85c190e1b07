"""Adaptation methods: how features of source and target are made to agree."""

from sktransfer.adaptation.adabn import AdaBN
from sktransfer.adaptation.auto import Auto
from sktransfer.adaptation.base import AdaptationMethod, DomainBatch
from sktransfer.adaptation.cdan import CDAN
from sktransfer.adaptation.dan import DAN
from sktransfer.adaptation.dann import DANN
from sktransfer.adaptation.deep_coral import DeepCORAL
from sktransfer.adaptation.deep_jdot import DeepJDOT
from sktransfer.adaptation.domain_standardise import DomainStandardise
from sktransfer.adaptation.jan import JAN
from sktransfer.adaptation.label_shift import LabelShift
from sktransfer.adaptation.mcc import MCC
from sktransfer.adaptation.mcd import MCD
from sktransfer.adaptation.mdd import MDD
from sktransfer.adaptation.mme import MME
from sktransfer.adaptation.shot import SHOT
from sktransfer.adaptation.reweight import Reweight
from sktransfer.adaptation.source_only import SourceOnly
from sktransfer.adaptation.tent import TENT

__all__ = [
    "CDAN",
    "DAN",
    "DANN",
    "JAN",
    "MCC",
    "MCD",
    "MDD",
    "MME",
    "SHOT",
    "TENT",
    "AdaBN",
    "AdaptationMethod",
    "Auto",
    "DeepCORAL",
    "DeepJDOT",
    "DomainBatch",
    "DomainStandardise",
    "LabelShift",
    "Reweight",
    "SourceOnly",
]
