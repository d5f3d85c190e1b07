"""Adaptation methods: how features of source and target are made to agree."""

from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.default import Auto
from sktransfer.adaptation.methods.adabn import AdaBN
from sktransfer.adaptation.methods.cdan import CDAN
from sktransfer.adaptation.methods.dan import DAN
from sktransfer.adaptation.methods.dann import DANN
from sktransfer.adaptation.methods.deep_coral import DeepCORAL
from sktransfer.adaptation.methods.deep_jdot import DeepJDOT
from sktransfer.adaptation.methods.domain_standardize import DomainStandardize
from sktransfer.adaptation.methods.jan import JAN
from sktransfer.adaptation.methods.label_shift import LabelShift
from sktransfer.adaptation.methods.mcc import MCC
from sktransfer.adaptation.methods.mcd import MCD
from sktransfer.adaptation.methods.mdd import MDD
from sktransfer.adaptation.methods.mme import MME
from sktransfer.adaptation.methods.reweight import Reweight
from sktransfer.adaptation.methods.shot import SHOT
from sktransfer.adaptation.methods.source_only import SourceOnly
from sktransfer.adaptation.methods.tent import TENT
from sktransfer.training.step.domain_batch import DomainBatch, Phase

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
    "DomainStandardize",
    "LabelShift",
    "Phase",
    "Reweight",
    "SourceOnly",
]
