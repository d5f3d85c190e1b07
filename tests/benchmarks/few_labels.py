"""Few labels of the target: our defaults against its labels alone and all pooled.

    pip install ".[test,benchmark]"
    python tests/benchmarks/few_labels.py --out few_labels.jsonl

Labeled rows of the target are drawn at random ("random-40") or for each class
("class-5"); all methods get the same. The other rows of the target are unlabeled, and
methods are scored on up to 1000 of them. What is in the file is not run again.
"""

import argparse
import json
import os
import sys
import time
import warnings
from pathlib import Path

# Small products of NumPy and scikit-learn lose by threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from adaptation_cases.cases import CASES
from adaptation_cases.records import scores
from benchmark_tools.names import chosen
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import DomainAdaptedClassifier, TransferClassifier

SETTINGS = ("random-10", "random-40", "class-1", "class-5", "class-20")
_MAX_SCORED = 1000


def draw_labeled(y, setting, rng):
    """Positions of the labeled rows of the target."""
    kind, n = setting.split("-")
    if kind == "random":
        return rng.permutation(len(y))[: int(n)]
    return np.concatenate(
        [rng.permutation(np.flatnonzero(y == c))[: int(n)] for c in np.unique(y)]
    )


class Draw:
    """Rows of a case with some labels of the target.

    Parameters
    ----------
    name, setting : str
        Case, and how many labels.
    seed : int
        Seed of the rows and of the labels.
    """

    def __init__(self, name, setting, seed):
        rows, rng = CASES[name].draw(seed), np.random.default_rng(1000 + seed)
        self.X, self.y, self.seed = rows.X_source, rows.y_source, seed
        labeled = draw_labeled(rows.y_target, setting, rng)
        others = rng.permutation(np.setdiff1d(np.arange(len(rows.y_target)), labeled))
        self.X_labeled, self.y_labeled = rows.X_target[labeled], rows.y_target[labeled]
        self.X_scored = rows.X_target[others[:_MAX_SCORED]]
        self.y_scored = rows.y_target[others[:_MAX_SCORED]]
        self.X_unlabeled = rows.X_target[others]

    def pooled(self):
        """All labeled rows."""
        return (
            np.concatenate([self.X, self.X_labeled]),
            np.concatenate([self.y, self.y_labeled]),
        )

    def proba(self, model):
        """Probabilities of the rows to score; absent classes have nearly none."""
        proba = np.full((len(self.X_scored), self.y.max() + 1), 1e-6)
        classes = model.classes_.astype(int)
        proba[:, classes] += model.predict_proba(self.X_scored)
        return proba / proba.sum(axis=1, keepdims=True)


def logistic(draw, pooled=False):
    """Logistic regression on standardized columns."""
    X, y = draw.pooled() if pooled else (draw.X_labeled, draw.y_labeled)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(X, y)


def network(draw, backbone, pooled=False):
    """Network of ours without domains."""
    X, y = draw.pooled() if pooled else (draw.X_labeled, draw.y_labeled)
    return TransferClassifier(backbone, random_state=draw.seed).fit(X, y)


def adapted(draw, backbone):
    """Network of ours with domains."""
    X = np.concatenate([draw.X, draw.X_labeled, draw.X_unlabeled])
    y = np.concatenate([draw.y, draw.y_labeled]).astype(float)
    y = np.concatenate([y, np.full(len(draw.X_unlabeled), np.nan)])
    domain = np.where(np.arange(len(X)) < len(draw.X), 0, -1)
    model = DomainAdaptedClassifier(
        backbone, target_labels="use", random_state=draw.seed
    )
    return model.fit(X, y, sample_domain=domain)


METHODS = {
    "logistic, target": logistic,
    "logistic, pooled": lambda draw: logistic(draw, pooled=True),
    "default, target": lambda draw: network(draw, "auto"),
    "mlp, pooled": lambda draw: network(draw, "mlp", pooled=True),
    "tabular, pooled": lambda draw: network(draw, "tabular", pooled=True),
    "ours, mlp": lambda draw: adapted(draw, "mlp"),
    "ours, tabular": lambda draw: adapted(draw, "tabular"),
}
BASELINES = tuple(METHODS)[:5]


class _Constant:
    """Predicts the only class of the labels."""

    def __init__(self, y):
        self.classes_ = np.unique(y)

    def predict_proba(self, X):
        return np.ones((len(X), 1))


def run(name, setting, seed, method):
    """Fit a method; return its record."""
    draw, start = Draw(name, setting, seed), time.perf_counter()
    if method.endswith(", target") and len(np.unique(draw.y_labeled)) == 1:
        model = _Constant(draw.y_labeled)
    else:
        model = METHODS[method](draw)
    record = {"seconds": time.perf_counter() - start}
    proba = draw.proba(model)
    record |= scores(proba, draw.y_scored)
    labels = np.arange(proba.shape[1])
    return record | {"log_loss": log_loss(draw.y_scored, proba, labels=labels)}


KEY = ("case", "setting", "seed", "method")


def report(records):
    """Print means, and distances from the best baseline of a case."""
    mean = {}
    for record in records:
        key = record["setting"], record["case"], record["method"]
        mean.setdefault(key, []).append((record["accuracy"], record["log_loss"]))
    mean = {key: np.mean(values, axis=0) for key, values in mean.items()}
    for setting in SETTINGS:
        cases = [
            case
            for case in CASES
            if all((setting, case, method) in mean for method in METHODS)
        ]
        if not cases:
            continue
        table = {m: np.array([mean[setting, c, m] for c in cases]) for m in METHODS}
        best = np.max([table[m][:, 0] for m in BASELINES], axis=0)
        print(f"{setting}: {len(cases)} cases, best baseline {100 * best.mean():.1f}")
        for method, values in table.items():
            gap = 100 * (values[:, 0] - best)
            print(
                f"  {method:18} accuracy {100 * values[:, 0].mean():5.1f}, log loss "
                f"{values[:, 1].mean():.3f}; to the best baseline of each case "
                f"{gap.mean():+.1f}, worst {gap.min():+.1f} ({cases[gap.argmin()]})"
            )


def main():
    """Run the fits that are missing, then print the report of the whole file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--out", type=Path, required=True, help="file of results, a JSON line a fit")
    add("--cases", default="report", help="names or families, by commas; or all")
    add("--seeds", default="0,1,2", help="by commas")
    options = parser.parse_args()
    families = {"all": list(CASES)}
    for name, case in CASES.items():
        if case.backbone == "mlp":
            families.setdefault(case.family, []).append(name)
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    records = [json.loads(line) for line in lines]
    done = {tuple(record[key] for key in KEY) for record in records}
    warnings.simplefilter("ignore")
    for seed in map(int, options.seeds.split(",")):
        for name in chosen(options.cases, families, parser):
            for setting in SETTINGS:
                for method in METHODS:
                    key = (name, setting, seed, method)
                    if key in done:
                        continue
                    record = dict(zip(KEY, key, strict=True)) | run(*key)
                    records.append(record)
                    with options.out.open("a") as file:
                        file.write(json.dumps(record) + "\n")
                    print(*key, f"{record['accuracy']:.3f}", file=sys.stderr)
    report(records)


if __name__ == "__main__":
    main()
