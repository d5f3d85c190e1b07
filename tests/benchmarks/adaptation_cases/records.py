"""The file of results: a line of JSON for each fit, appended as it is done."""

import json

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

KEY = ("method", "case", "seed", "epochs")


def read(file):
    """Read what was fitted and what was timed.

    Parameters
    ----------
    file : Path
        File of results; it need not exist.

    Returns
    -------
    fits : dict
        The last record of each fit, by its key.
    times : dict
        The last record of each comparison of times, by its case.
    """
    fits, times = {}, {}
    for line in file.read_text().splitlines() if file.exists() else ():
        record = json.loads(line)
        if "speed" in record:
            times[record["speed"]] = record
        else:
            fits[tuple(record[name] for name in KEY)] = record
    return fits, times


def scores(proba, y):
    """Accuracy, macro-F1 and, of two classes, the area under the ROC curve.

    Parameters
    ----------
    proba : ndarray of shape (n_rows, n_classes)
        Probabilities.
    y : ndarray of shape (n_rows,), int
        Class indices.

    Returns
    -------
    dict of float
    """
    predicted = proba.argmax(axis=1)
    result = {
        "accuracy": float(np.mean(predicted == y)),
        "macro_f1": float(f1_score(y, predicted, average="macro")),
    }
    if proba.shape[1] == 2:
        result["auc"] = float(roc_auc_score(y, proba[:, 1]))
    return result
