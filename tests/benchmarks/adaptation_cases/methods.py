"""Names of methods, what each may see and where it runs."""

import numpy as np

from sktransfer.adaptation.registry import METHODS

FLOOR, CEILING, WITH_LABELLED = REFERENCES = (
    "source-trained",
    "target_trained",
    "source-and-labeled",
)
OURS = tuple(METHODS)
# Logistic regression, alone and after the tools of sktransfer.preprocessing.
MAPPED = (
    *("logistic", "logistic-coral", "logistic-ot"),
    *("logistic-weights", "logistic-kmm", "logistic-ulsif"),
)
# Neighbors' methods, and what they are called with us, if they are.
NEIGHBOURS = {
    "adapt:DeepCORAL": "deep_coral",
    "adapt:DANN": "dann",
    "adapt:CDAN": "cdan",
    "adapt:MDD": "mdd",
    "adapt:MCD": "mcd",
    "adapt:ADDA": None,
    "adapt:WDGRL": None,
    "adapt:IWC": "reweight",
    "adapt:KLIEP": None,
    "adapt:KMM": None,
    "adapt:CORAL": None,
    "adapt:SA": None,
    "adapt:TCA": None,
    "skada:SourceOnly": "source_only",
    "skada:DeepCoral": "deep_coral",
    "skada:DAN": "dan",
    "skada:DANN": "dann",
    "skada:CDAN": "cdan",
    "skada:MDD": "mdd",
    "skada:DeepJDOT": "deep_jdot",
    "skada:MCC": "mcc",
    "skada:CAN": None,
    "skada:SPA": None,
    "skada:DiscriminatorReweight": "reweight",
    "skada:DensityReweight": None,
    "skada:GaussianReweight": None,
    "skada:KLIEPReweight": None,
    "skada:KMMReweight": None,
    "skada:NearestNeighborReweight": None,
    "skada:MMDTarSReweight": None,
    "skada:CORAL": None,
    "skada:SubspaceAlignment": None,
    "skada:TransferComponentAnalysis": None,
    "skada:TransferJointMatching": None,
    "skada:TransferSubspaceLearning": None,
    "skada:OTMapping": None,
    "skada:EntropicOTMapping": None,
    "skada:ClassRegularizerOTMapping": None,
    "skada:LinearOTMapping": None,
    "skada:MultiLinearMongeAlignment": None,
    "skada:MMDLSConSMapping": None,
    "skada:OTLabelProp": None,
    "skada:JDOTClassifier": None,
}
# Some target rows are labeled.
SEMI_SUPERVISED = (WITH_LABELLED, "mme", "stacking")
_LABELS_A_CLASS = 3
# They change BatchNormalization layers alone.
_OF_BATCH_NORMALIZATION = ("adabn", "tent")


def package_of(method):
    """Package that has a method; neighbors' methods are named "package:Name"."""
    return method.partition(":")[0] if ":" in method else "sktransfer"


def runs_on(method, case):
    """Whether a method is run on a case."""
    if package_of(method) != "sktransfer":
        return case.neighbors
    return method not in _OF_BATCH_NORMALIZATION or case.backbone == "convolution"


def known_labels(method, y, seed):
    """Labels of target rows that a method may see.

    Parameters
    ----------
    method : str
        Name.
    y : ndarray of shape (n_rows,), int
        Class indices of the target's rows.
    seed : int
        Draws the labeled rows.

    Returns
    -------
    ndarray of shape (n_rows,) or None
        Class indices, -1 for unknown ones; None if all are unknown.
    """
    if method == CEILING:
        return y
    if method not in SEMI_SUPERVISED:
        return None
    known, rng = np.full(len(y), -1), np.random.default_rng(seed)
    for c in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == c))[:_LABELS_A_CLASS]
        known[rows] = c
    return known
