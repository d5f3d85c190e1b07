"""Recipes compared on small targets; writes the table of the user guide.

    python tests/benchmarks/recipes.py --seeds 10 --tasks inverted,new-classes

Each figure is the mean accuracy on the target rows not trained on, in percent, over
seeds that draw the split, the labeled rows and the initial weights.
"""

import argparse
import functools
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import keras
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import Recipe, TransferClassifier

RECIPES = ("linear_probe", "full", "lp_ft", "gradual")
COLUMNS = ("scratch", "logistic regression", *RECIPES)


def network(n_classes):
    """The digits network: 256 and 128 hidden units."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(n_classes, activation="softmax"),
        ]
    )


network_10 = functools.partial(network, 10)
network_5 = functools.partial(network, 5)


class Task:
    """A pretrained backbone, the same one untrained, and target rows.

    Attributes
    ----------
    pretrained, scratch : dict
        Parameters of TransferClassifier.
    X, y : ndarray
        Target rows and labels, of which a few are trained on.
    """

    def __init__(self, pretrained, scratch, X, y):
        self.pretrained, self.scratch, self.X, self.y = pretrained, scratch, X, y

    @classmethod
    def from_source(cls, architecture, X_source, y_source, X, y, seed):
        """Train the backbone on source rows."""
        scratch = {"backbone": architecture, "weights": None}
        source = TransferClassifier(**scratch, epochs=20, random_state=seed)
        source.fit(X_source, y_source)
        return cls({"backbone": source.backbone_}, scratch, X, y)


def inverted_digits(rng, seed):
    """Half of the digits as they are, the other half inverted."""
    X, y = load_digits(return_X_y=True)
    source, target = np.array_split(rng.permutation(len(X)), 2)
    X = X / 16
    return Task.from_source(
        network_10, X[source], y[source], 1 - X[target], y[target], seed
    )


def new_classes(rng, seed):
    """Digits 0 to 4, then 5 to 9."""
    X, y = load_digits(return_X_y=True)
    rows = rng.permutation(len(X))
    X, y = X[rows] / 16, y[rows]
    return Task.from_source(network_5, X[y < 5], y[y < 5], X[y >= 5], y[y >= 5], seed)


def table(load, column, rng, seed):
    """Rows with a low value of a column, then those with a high one."""
    data = load()
    X, y = data.data, data.target
    if len(np.unique(y)) > 10:
        y = (y > np.median(y)).astype(int)
    rows = rng.permutation(len(X))
    X, y = X[rows], y[rows]
    low = X[:, column] < np.median(X[:, column])
    return Task.from_source("mlp", X[low], y[low], X[~low], y[~low], seed)


def images(kind, rng, seed):
    """Small photos or digits for the ImageNet network, cut at an inner layer."""
    from efficientnet_lite0 import efficientnet_lite0, write_weights
    from images import digit_images, texture_patches

    if kind == "digits":
        X, y = digit_images(400)
    else:
        X, names = texture_patches(40, half=0, seed=seed)
        y = np.unique(names, return_inverse=True)[1]
    path = Path(tempfile.gettempdir()) / "efficientnet_lite0.weights.h5"
    if not path.exists():
        write_weights(path)
    shared = {
        "backbone": efficientnet_lite0,
        "feature_layer": "block10_add",
        "epochs": 20,
    }
    return Task(shared | {"weights": path}, shared | {"weights": None}, X, y)


TASKS = {
    "inverted": ("digits, inverted", inverted_digits),
    "new-classes": ("digits 0-4 to 5-9", new_classes),
    "breast-cancer": (
        "breast cancer, smooth to rough texture",
        functools.partial(table, load_breast_cancer, 1),
    ),
    "wine": ("wine, low to high ash", functools.partial(table, load_wine, 2)),
    "diabetes": (
        "diabetes, younger to older",
        functools.partial(table, load_diabetes, 0),
    ),
    "image-digits": (
        "ImageNet network, digits at 64 x 64",
        functools.partial(images, "digits"),
    ),
    "image-textures": (
        "ImageNet network, textures",
        functools.partial(images, "textures"),
    ),
}


def draw(y, n_labels, rng):
    """Draw labeled rows, `n_labels` of each class; the other rows are for testing."""
    train = np.concatenate(
        [rng.permutation(np.flatnonzero(y == c))[:n_labels] for c in np.unique(y)]
    )
    return train, np.setdiff1d(np.arange(len(y)), train)


def accuracies(make_task, labels, seed):
    """Accuracy of each column at each number of labels, for one seed."""
    rng = np.random.default_rng(seed)
    task = make_task(rng, seed)
    rows = task.X.reshape(len(task.X), -1)
    result = {}
    for n_labels in labels:
        train, test = draw(task.y, n_labels, rng)
        if np.bincount(task.y[test])[np.unique(task.y)].min() < 5:
            continue
        y, y_test = task.y[train], task.y[test]
        logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        logistic.fit(rows[train], y)
        result[n_labels, "logistic regression"] = logistic.score(rows[test], y_test)
        models = {"scratch": TransferClassifier(**task.scratch)}
        for recipe in RECIPES:
            models[recipe] = TransferClassifier(**task.pretrained, recipe=recipe)
        for name, model in models.items():
            model.set_params(random_state=seed).fit(task.X[train], y)
            result[n_labels, name] = model.score(task.X[test], y_test)
    return result


def defaults(seeds):
    """Compare probe regularizations and learning rates of LP-FT on the digits."""
    settings = [(c, rate) for c in (0.01, 0.1, 1.0) for rate in (3e-4, 1e-3, 3e-3)]
    columns = [(task, n) for task in ("inverted", "new-classes") for n in (1, 5)]
    scores = {}
    for seed in range(seeds):
        for name in ("inverted", "new-classes"):
            rng = np.random.default_rng(seed)
            task = TASKS[name][1](rng, seed)
            for n_labels in (1, 5):
                train, test = draw(task.y, n_labels, rng)
                for c, rate in settings:
                    model = TransferClassifier(
                        **task.pretrained,
                        recipe=Recipe(probe_C=c),
                        learning_rate=rate,
                        random_state=seed,
                    ).fit(task.X[train], task.y[train])
                    score = model.score(task.X[test], task.y[test])
                    scores.setdefault((c, rate, name, n_labels), []).append(100 * score)
    rows = [
        (
            "probe C",
            "learning rate",
            *(f"{TASKS[t][0]}, {n} a class" for t, n in columns),
        )
    ]
    for c, rate in settings:
        means = (np.mean(scores[c, rate, *column]) for column in columns)
        rows.append((str(c), str(rate), *(f"{mean:.1f}" for mean in means)))
    return rst_rows(f"LP-FT, by probe and rate ({seeds} seeds)", rows)


def rst_table(title, labels, results):
    """Write results as a reStructuredText table with means and standard errors."""
    rows = [("labels a class", *COLUMNS)]
    for n_labels in labels:
        cells = []
        for column in COLUMNS:
            values = [
                100 * r[n_labels, column] for r in results if (n_labels, column) in r
            ]
            if not values:
                break
            error = np.std(values, ddof=1) / np.sqrt(len(values)) if values[1:] else 0
            cells.append(f"{np.mean(values):.1f} ± {error:.1f}")
        if cells:
            rows.append((str(n_labels), *cells))
    return rst_rows(title, rows)


def rst_rows(title, rows):
    """Write rows as a reStructuredText table, the first one as its header."""
    lines = [f".. list-table:: {title}", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'* -' if i == 0 else '  -'} {c}" for i, c in enumerate(row)]
    return "\n".join([*lines, ""])


def main():
    """Run the comparison and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--labels", default="1,2,5,10,20")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--defaults", action="store_true", help="compare defaults")
    parser.add_argument("--output", type=Path, help="file for the tables")
    options = parser.parse_args()
    labels = [int(n) for n in options.labels.split(",")]
    tables = []
    if options.defaults:
        tables.append(defaults(options.seeds))
        print(tables[-1])
        options.tasks = ""
    for key in filter(None, options.tasks.split(",")):
        title, make_task = TASKS[key]
        start, results = time.perf_counter(), []
        for seed in range(options.seeds):
            results.append(accuracies(make_task, labels, seed))
            print(f"{key}: seed {seed + 1} of {options.seeds}", file=sys.stderr)
        tables.append(rst_table(f"{title} ({options.seeds} seeds)", labels, results))
        print(tables[-1], flush=True)
        print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    if options.output is not None:
        options.output.write_text("\n".join(tables))


if __name__ == "__main__":
    main()
