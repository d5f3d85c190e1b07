"""Scores and fine-tunes the candidates that are not in the file of results yet."""

import json
import sys
import time

import numpy as np
from benchmark_tools.versions import versions
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import BackboneFeatures, TransferClassifier, transferability
from transferability_cases import candidates
from transferability_cases.targets import TARGETS

KEY = ("target", "backbone", "layer", "seed")
_OF_FEATURES = ("knn_score", "logme", "nleep", "h_score", "transrate", "gbc")
_OF_SOURCE_CLASSES = ("leep", "nce")
# What a cross-validation would say, to compare with.
_PROBE = "logistic regression"
SCORES = (*_OF_FEATURES, _PROBE, *_OF_SOURCE_CLASSES)


def read(file):
    """Read the records of a file, which need not exist, by their keys."""
    lines = file.read_text().splitlines() if file.exists() else ()
    records = map(json.loads, lines)
    return {tuple(record[name] for name in KEY): record for record in records}


def run(targets, backbones, seeds, *, n_labels, file):
    """Append a record for each candidate, target and seed that has none.

    Parameters
    ----------
    targets, backbones : list of str
        Names.
    seeds : list of int
        Of the labeled rows, and of the fits.
    n_labels : int
        Labeled rows of each class.
    file : Path
        Where records are appended.
    """
    found = read(file)
    for target in targets:
        X, y = TARGETS[target]()
        for name in backbones:
            for layer in candidates.feature_layers(name):
                for seed in seeds:
                    key = (target, name, layer, seed)
                    if key in found:
                        continue
                    result = measure(X, y, name, layer, seed, n_labels)
                    record = dict(zip(KEY, key, strict=True)) | result
                    with file.open("a") as lines:
                        lines.write(json.dumps(record) + "\n")
                    print(
                        f"{target:12}{name:28}{layer:14}{seed:3}"
                        f"  accuracy {record['accuracy']:.3f} in "
                        f"{record['seconds']:.1f} s",
                        file=sys.stderr,
                        flush=True,
                    )


def measure(X, y, name, layer, seed, n_labels):
    """Score a candidate on labeled rows, and fine-tune it on the same."""
    labeled, others = draw(y, n_labels, seed)
    scores = score(X[labeled], y[labeled], name, layer)
    start = time.perf_counter()
    clf = TransferClassifier(**candidates.parameters(name, layer), random_state=seed)
    clf.fit(X[labeled], y[labeled])
    seconds = time.perf_counter() - start
    return {
        "n_labels": n_labels,
        "accuracy": clf.score(X[others], y[others]),
        "seconds": seconds,
        "scores": scores,
        "versions": versions(["sktransfer", "keras", "tensorflow", "scikit-learn"]),
    }


def draw(y, n_labels, seed):
    """Draw `n_labels` rows of each class; the other rows are for testing."""
    rng = np.random.default_rng(seed)
    labeled = np.concatenate(
        [rng.permutation(np.flatnonzero(y == c))[:n_labels] for c in np.unique(y)]
    )
    return labeled, np.setdiff1d(np.arange(len(y)), labeled)


def score(X, y, name, layer):
    """Compute every score that a candidate can have.

    Those of source classes need a classifier of the source, which has one value
    whatever the cut; it is given to the last.
    """
    transformer = BackboneFeatures(candidates.backbone(name), feature_layer=layer)
    features = transformer.fit_transform(X)
    scores = {
        score: float(getattr(transferability, score)(features, y))
        for score in _OF_FEATURES
    }
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    scores[_PROBE] = float(cross_val_score(probe, features, y, cv=5).mean())
    source = candidates.source(name)
    if source is not None and layer == "last":
        scores["leep"] = float(transferability.leep(source.predict_proba(X), y))
        codes = np.searchsorted(source.classes_, source.predict(X))
        scores["nce"] = float(transferability.nce(codes, y))
    return scores
