"""Scorers without target labels: what a search by each of them gains or loses.

    pip install ".[test,benchmark]"
    python tests/benchmarks/scorers.py --out scorers.jsonl --cases all

A third of the rows of each class and domain is the test set of a search with one split.
Candidates are fitted on the rest, scored on the test set, and their accuracy is that on
all rows of the target. What is in the file is not run again.
"""

import argparse
import json
import os
import sys
import warnings
from pathlib import Path

# Small products of NumPy and scikit-learn lose by threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from adaptation_cases.cases import CASES
from adaptation_cases.ours import convolutional_network
from benchmark_tools.names import chosen, numbers
from benchmark_tools.table import Table, rst
from benchmark_tools.versions import versions

from sktransfer import DomainAdaptedClassifier, TransferClassifier
from sktransfer.adaptation import DAN, MCC
from sktransfer.exceptions import NonFiniteLossError
from sktransfer.model_selection import (
    BNMScorer,
    ClassAMIScorer,
    DeepEmbeddedValidation,
    ImportanceWeightedScorer,
    InfoMaxScorer,
    PredictionEntropyScorer,
    SoftNeighborhoodDensity,
    StratifiedDomainShuffleSplit,
)
from sktransfer.model_selection._source_models import SourceModels

_METHODS = (
    *("source_only", "domain_standardize", "deep_coral", "dan", "jan", "cdan"),
    *("mcd", "mcc", "shot", "reweight"),
)
_STRENGTHS = {
    "source_only": "source_only",
    "dan 0.3": DAN(0.3),
    "dan": "dan",
    "dan 30": DAN(30.0),
    "mcc 0.3": MCC(0.3),
    "mcc": "mcc",
    "mcc 3": MCC(3.0),
}
GRIDS = {"methods": {name: name for name in _METHODS}, "strengths": _STRENGTHS}
SCORERS = (
    *(InfoMaxScorer(), BNMScorer(), PredictionEntropyScorer()),
    *(SoftNeighborhoodDensity(), ClassAMIScorer(), ImportanceWeightedScorer()),
    DeepEmbeddedValidation(),
)
# With the guard, and without it.
AGREEMENT, UNGUARDED = "EnsembleAgreement", "EnsembleAgreement(guard=False)"


def backbone_of(case, rows, seed):
    """Network to start from."""
    if case.backbone == "mlp":
        return "mlp"
    source = TransferClassifier(
        convolutional_network, weights=None, recipe="full", random_state=seed
    )
    return source.fit(rows.X_source, rows.y_source).backbone_


def run(name, seed):
    """Fit and score all candidates; return a record."""
    case = CASES[name]
    rows = case.draw(seed)
    backbone = backbone_of(case, rows, seed)
    X = np.concatenate([rows.X_source, rows.X_target])
    y = np.concatenate([rows.y_source, np.zeros(len(rows.y_target), int)])
    domain = np.repeat([0, -1], [len(rows.y_source), len(rows.y_target)])
    cv = StratifiedDomainShuffleSplit(1, test_size=1 / 3, random_state=seed)
    ((train, test),) = cv.split(X, y, domain)
    candidates = GRIDS["methods"] | GRIDS["strengths"]
    accuracy, score, proba = {}, {}, {}
    for label, method in candidates.items():
        model = DomainAdaptedClassifier(
            backbone,
            method=method,
            learning_rate=case.learning_rate,
            random_state=seed,
        )
        try:
            model.fit(X[train], y[train], sample_domain=domain[train])
        except NonFiniteLossError:
            continue
        proba[label] = model.predict_proba(rows.X_target)
        accuracy[label] = float((proba[label].argmax(1) == rows.y_target).mean())
        score[label] = {}
        for scorer in SCORERS:
            value = scorer(model, X[test], y[test], domain[test])
            score[label][type(scorer).__name__] = value
    models = SourceModels(model, rows.X_source, rows.y_source, {}, seed, AGREEMENT)
    by_source, decision = models.judge(rows.X_target)
    fails = all(decision["holds"])
    for grid, members in GRIDS.items():
        names = [label for label in members if label in proba]
        ensemble = np.mean([proba[label] for label in names], axis=0).argmax(1)
        for label in names:
            for guard, expected in (
                (UNGUARDED, ensemble),
                (AGREEMENT, ensemble if fails else by_source),
            ):
                agreement = (proba[label].argmax(1) == expected).mean()
                score[label][f"{guard}, {grid}"] = float(agreement)
    return {
        "case": name,
        "seed": seed,
        "accuracy": accuracy,
        "score": score,
        "versions": versions(("sktransfer", "keras", "tensorflow")),
    }


def gain(record, grid, scorer):
    """Points above source_only of the candidate that a scorer chooses."""
    labels = [label for label in GRIDS[grid] if label in record["accuracy"]]
    if scorer in (AGREEMENT, UNGUARDED):
        scorer = f"{scorer}, {grid}"
    accuracy = record["accuracy"]
    values = {
        label: accuracy[label] if scorer == "oracle" else record["score"][label][scorer]
        for label in labels
    }
    best = max(labels, key=values.get)
    return 100 * (accuracy[best] - accuracy["source_only"])


def table(records, grid):
    """Gains by each scorer over all records."""
    names = [type(scorer).__name__ for scorer in SCORERS]
    names += [AGREEMENT, UNGUARDED, "oracle"]
    gains = {n: np.array([gain(r, grid, n) for r in records]) for n in names}
    lines = [["scorer", "mean gain", "worst gain", "runs that lose over 2"]]
    for name in sorted(names, key=lambda n: -gains[n].mean()):
        values, worst = gains[name], records[int(gains[name].argmin())]
        lines.append(
            [
                name,
                f"{values.mean():+.1f}",
                f"{values.min():+.1f} ({worst['case']})",
                f"{(values < -2).sum()} of {len(values)}",
            ]
        )
    note = f"Candidates: {', '.join(GRIDS[grid])}. {len(records)} runs."
    return Table(f"A search over {grid}", note, lines)


def main():
    """Run the cases that are missing, then print the tables of the whole file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--out", type=Path, required=True, help="file of results, a JSON line a case")
    add("--cases", default="all", help="names or families, by commas; or all")
    add("--seeds", default="0", help="by commas")
    add("--docs", type=Path, help="file for the tables of the user guide, in rst")
    options = parser.parse_args()
    families = {"all": list(CASES)}
    for name, case in CASES.items():
        families.setdefault(case.family, []).append(name)
    names = chosen(options.cases, families, parser)
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    records = [json.loads(line) for line in lines]
    done = {(record["case"], record["seed"]) for record in records}
    warnings.simplefilter("ignore")
    for seed in numbers(options.seeds):
        for name in names:
            if (name, seed) in done:
                continue
            record = run(name, seed)
            records.append(record)
            with options.out.open("a") as file:
                file.write(json.dumps(record) + "\n")
            points = gain(record, "methods", AGREEMENT)
            print(name, seed, f"{points:+.1f} points", file=sys.stderr)
    records = [record for record in records if record["case"] in names]
    if not records:
        return
    tables = [table(records, grid) for grid in GRIDS]
    text = rst(tables, sorted({record["versions"] for record in records}))
    print(text)
    if options.docs:
        options.docs.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
