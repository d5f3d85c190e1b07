"""Which backbone or source to reuse, and whether a transfer helps."""

from sktransfer.transferability.backbones import rank_backbones
from sktransfer.transferability.bhattacharyya import gbc
from sktransfer.transferability.class_means import h_score
from sktransfer.transferability.coding_rate import transrate
from sktransfer.transferability.distances import (
    coral_distance,
    mmd,
    prior_distance,
    proxy_a_distance,
)
from sktransfer.transferability.evaluation import transfer_report
from sktransfer.transferability.evidence import logme
from sktransfer.transferability.expected_prediction import leep
from sktransfer.transferability.label_entropy import nce
from sktransfer.transferability.mixture import nleep
from sktransfer.transferability.neighbors import knn_score
from sktransfer.transferability.report import TransferReport
from sktransfer.transferability.sources import rank_sources
from sktransfer.transferability.verdict import Verdict

__all__ = [
    "TransferReport",
    "Verdict",
    "coral_distance",
    "gbc",
    "h_score",
    "knn_score",
    "leep",
    "logme",
    "mmd",
    "nce",
    "nleep",
    "prior_distance",
    "proxy_a_distance",
    "rank_backbones",
    "rank_sources",
    "transfer_report",
    "transrate",
]


def __dir__():
    return __all__
