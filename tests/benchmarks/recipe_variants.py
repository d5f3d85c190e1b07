"""What each part of a recipe adds to LP-FT; writes the table of the user guide.

    python tests/benchmarks/recipe_variants.py --seeds 10

Each figure is the mean accuracy, in percent, less that of LP-FT with the same split,
labelled rows and initial weights, with its standard error over seeds. Two tasks on
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
    """Three hidden layers, each normalised."""
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


def measure(make_task, n_classes, seed):
    """Accuracies of one seed, by labels a class, variant and domain."""
    rng = np.random.default_rng(seed)
    X_old, y_old, X, y = make_task(rng)
    # The source is not trained on all old rows.
    (X_old, kept), (y_old, kept_y) = (np.split(a, [-200]) for a in (X_old, y_old))
    architecture = functools.partial(network, n_classes)
    source = TransferClassifier(
        architecture, weights=None, epochs=20, random_state=seed
    ).fit(X_old, y_old)
    result = {}
    for n_labels in LABELS:
        train, rest = draw(y, n_labels, rng)
        rest = rng.permutation(rest)
        validation, test = rest[:N_VALIDATION], rest[N_VALIDATION:]

        def tuned(train=train, **parameters):
            optimizer = parameters.get("optimizer")
            if callable(optimizer):
                parameters["optimizer"] = optimizer()
            clf = TransferClassifier(source.backbone_, random_state=seed, **parameters)
            return clf.fit(X[train], y[train])

        fits = {rate: tuned(learning_rate=rate) for rate in RATES}
        plain = fits[1e-3]
        rows = X[validation], y[validation]
        models = {name: tuned(**options) for name, options in VARIANTS.items()}
        models |= {
            "``interpolate(0.5)``": plain.interpolate(0.5),
            "``interpolate('auto')``": plain.interpolate("auto", *rows),
            "best of three rates": max(fits.values(), key=lambda f: f.score(*rows)),
            "``soup`` of three rates": soup(fits.values(), *rows),
            "LP-FT": plain,
        }
        for name, model in models.items():
            result[n_labels, name, "new"] = model.score(X[test], y[test])
            if np.isin(kept_y, model.classes_).all():
                result[n_labels, name, "old"] = model.score(kept, kept_y)
    return result


def main():
    """Run the comparison and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--output", type=Path, help="file for the table")
    options = parser.parse_args()
    columns, results, start = [], {}, time.perf_counter()
    for task, make_task in TASKS.items():
        n_classes = 10 if task == "inverted" else 5
        results[task] = []
        for seed in range(options.seeds):
            results[task].append(measure(make_task, n_classes, seed))
            seconds = time.perf_counter() - start
            print(f"{task}: seed {seed}, {seconds:.0f} s", file=sys.stderr, flush=True)
        domains = sorted({domain for _, _, domain in results[task][0]})
        columns += [(task, n, domain) for domain in domains for n in LABELS]
    names = list(dict.fromkeys(name for _, name, _ in results["inverted"][0]))
    names = ["LP-FT", *(name for name in names if name != "LP-FT")]
    rows = [
        (
            "",
            *(
                f"{task}, {n} a class" + (", old rows" if domain == "old" else "")
                for task, n, domain in columns
            ),
        )
    ]
    for name in names:
        cells = []
        for task, n, domain in columns:
            values, base = (
                100 * np.array([r[n, which, domain] for r in results[task]])
                for which in (name, "LP-FT")
            )
            mean, sign = values.mean(), ""
            if name != "LP-FT":
                values = values - base
                mean, sign = values.mean(), "+"
            error = values.std(ddof=1) / np.sqrt(len(values)) if values[1:].size else 0
            cells.append(f"{mean:{sign}.1f} ± {error:.1f}")
        rows.append((name, *cells))
    title = f"LP-FT, and what is added to it ({options.seeds} seeds)"
    table = rst_rows(title, rows)
    print(table)
    if options.output is not None:
        options.output.write_text(table)


if __name__ == "__main__":
    main()
