"""Scores that say which backbone, and distances that say which source, to reuse."""

from sktransfer.transferability.bhattacharyya import gbc
from sktransfer.transferability.class_means import h_score
from sktransfer.transferability.coding_rate import transrate
from sktransfer.transferability.evidence import logme
from sktransfer.transferability.expected_prediction import leep
from sktransfer.transferability.label_entropy import nce
from sktransfer.transferability.mixture import nleep
from sktransfer.transferability.neighbours import knn_score

__all__ = [
    "gbc",
    "h_score",
    "knn_score",
    "leep",
    "logme",
    "nce",
    "nleep",
    "transrate",
]
