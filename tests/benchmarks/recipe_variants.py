"""What each part of a recipe adds to LP-FT; writes the table of the user guide.

    python tests/benchmarks/recipe_variants.py --seeds 10

Each figure is the mean accuracy, in percent, less that of LP-FT with the same split,
labeled rows and initial weights, with its standard error over seeds. Two tasks on
digits: half of them as they are, then the other half inverted; and 0 to 4, then 5 to 9.
"""

import argparse
import functools
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from recipes import draw, rst_rows
from sklearn.datasets import load_digits

from sktransfer import Recipe, TransferClassifier, soup

N_VALIDATION = 100
LABELS = (5, 20)
AVERAGED = functools.partial(keras.optimizers.AdamW, use_ema=True, ema_momentum=0.95)
VARIANTS = {
    "``layer_decay=0.5``": {"layer_decay": 0.5},
    "``l2_sp=0.1``": {"l2_sp": 0.1},
    "``label_smoothing=0.1``": {"label_smoothing": 0.1},
    "averaged weights, momentum 0.95": {"optimizer": AVERAGED},
    "``Recipe(tune='bias')``": {"recipe": Recipe(tune="bias")},
    "``Recipe(tune='norm')``": {"recipe": Recipe(tune="norm")},
    "``Recipe(tune='first')``": {"recipe": Recipe(tune="first")},
    "``Recipe(tune='middle')``": {"recipe": Recipe(tune="middle")},
    "``Recipe(tune='last')``": {"recipe": Recipe(tune="last")},
    "``Recipe(tune='lora')``": {"recipe": Recipe(tune="lora")},
    "``Recipe(schedule='cosine', warm_up=0.1)``": {
        "recipe": Recipe(schedule="cosine", warm_up=0.1)
    },
    "``Recipe(mixup_alpha=0.2)``": {"recipe": Recipe(mixup_alpha=0.2)},
}
RATES = (3e-4, 1e-3, 3e-3)


def network(n_classes):
    """Three hidden layers, each normalized."""
    hidden = [
        layer
        for units in (128, 128, 64)
        for layer in (
            keras.layers.Dense(units, activation="relu"),
            keras.layers.BatchNormalization(momentum=0.9),
        )
    ]
    softmax = keras.layers.Dense(n_classes, activation="softmax")
    return keras.Sequential([keras.Input((64,)), *hidden, softmax])


def inverted(rng):
    """Digits as they are, and inverted ones."""
    X, y = load_digits(return_X_y=True)
    source, target = np.array_split(rng.permutation(len(X)), 2)
    X = X / 16
    return X[source], y[source], 1 - X[target], y[target]


def new_classes(rng):
    """Digits 0 to 4, then 5 to 9."""
    X, y = load_digits(return_X_y=True)
    rows = rng.permutation(len(X))
    X, y = X[rows] / 16, y[rows]
    return X[y < 5], y[y < 5], X[y >= 5], y[y >= 5]


TASKS = {"inverted": inverted, "0-4 to 5-9": new_classes}
DOMAINS = (("inverted", "new"), ("0-4 to 5-9", "new"), ("inverted", "old"))


class Case:
    """One seed of a task: a source, and rows of both domains for a number of labels.

    Attributes
    ----------
    train, validation, new, old : tuple of ndarray
        Rows and labels; `old` is None where the classes are others.
    """

    def __init__(self, backbone, seed, train, validation, new, old):
        self.backbone, self.seed = backbone, seed
        self.train, self.validation, self.new, self.old = train, validation, new, old

    def tuned(self, optimizer=None, **parameters):
        """Fit LP-FT with other parameters than the default ones."""
        if optimizer is not None:
            parameters["optimizer"] = optimizer()
        clf = TransferClassifier(self.backbone, random_state=self.seed, **parameters)
        return clf.fit(*self.train)

    def scores(self, model):
        """Accuracy on the new domain, and on the old one where it can be."""
        found = {"new": model.score(*self.new)}
        if self.old is not None:
            found["old"] = model.score(*self.old)
        return found


def make_cases(task, seed):
    """Train the source of a seed; give a Case for each number of labels."""
    rng = np.random.default_rng(seed)
    X_old, y_old, X, y = TASKS[task](rng)
    # The source is not trained on all old rows.
    (X_old, kept), (y_old, y_kept) = (np.split(a, [-200]) for a in (X_old, y_old))
    architecture = functools.partial(network, len(np.unique(y_old)))
    source = TransferClassifier(
        architecture, weights=None, epochs=20, random_state=seed
    ).fit(X_old, y_old)
    cases = {}
    for n_labels in LABELS:
        train, rest = draw(y, n_labels, rng)
        parts = train, *np.split(rng.permutation(rest), [N_VALIDATION])
        old = (kept, y_kept) if task == "inverted" else None
        rows = ((X[index], y[index]) for index in parts)
        cases[n_labels] = Case(source.backbone_, seed, *rows, old)
    return cases


def after_the_fit(case):
    """Give what is made of fits without training."""
    fits = [case.tuned(learning_rate=rate) for rate in RATES]
    plain = fits[RATES.index(1e-3)]
    rows = case.validation
    return {
        "LP-FT": plain,
        "``interpolate(0.5)``": plain.interpolate(0.5),
        "``interpolate('auto')``": plain.interpolate("auto", *rows),
        "best of three rates": max(fits, key=lambda f: f.score(*rows)),
        "``soup`` of three rates": soup(fits, *rows),
    }


def measure(task, seeds):
    """Accuracies by variant, labels a class and domain, a list over seeds each."""
    result = {}

    def note(name, n_labels, scores):
        for domain, score in scores.items():
            result.setdefault((name, n_labels, domain), []).append(100 * score)

    cases = [case for seed in range(seeds) for case in make_cases(task, seed).items()]
    for n_labels, case in cases:
        for name, model in after_the_fit(case).items():
            note(name, n_labels, case.scores(model))
    # Variants one after another: a program keeps few of its compiled trainings.
    for name, parameters in VARIANTS.items():
        print(f"{task}: {name}", file=sys.stderr, flush=True)
        for n_labels, case in cases:
            note(name, n_labels, case.scores(case.tuned(**parameters)))
    return result


def main():
    """Run the comparison and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--output", type=Path, help="file for the table")
    options = parser.parse_args()
    start = time.perf_counter()
    results = {task: measure(task, options.seeds) for task in TASKS}
    columns = [(task, n, domain) for task, domain in DOMAINS for n in LABELS]
    header = [
        f"{task}, {n} a class" + (", old rows" if domain == "old" else "")
        for task, n, domain in columns
    ]
    rows = [("", *header)]
    after = [name for name, *_ in results["inverted"] if name not in VARIANTS]
    for name in dict.fromkeys(["LP-FT", *VARIANTS, *after]):
        cells = []
        for task, n, domain in columns:
            values = np.array(results[task][name, n, domain])
            if name != "LP-FT":
                values = values - results[task]["LP-FT", n, domain]
            error = values.std(ddof=1) / np.sqrt(len(values)) if values[1:].size else 0
            sign = "" if name == "LP-FT" else "+"
            cells.append(f"{values.mean():{sign}.1f} ± {error:.1f}")
        rows.append((name, *cells))
    title = f"LP-FT, and what is added to it ({options.seeds} seeds)"
    table = rst_rows(title, rows)
    print(table)
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    if options.output is not None:
        options.output.write_text(table)


if __name__ == "__main__":
    main()
