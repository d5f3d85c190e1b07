"""
Does the transfer pay off? From 1 to 20 labels a class
======================================================

A network was trained on images of digits. A new scanner inverts its images: light ink
on dark paper. How many of its images must be labeled, and is the old network of use?
On scikit-learn's digits, this compares a network from scratch, logistic regression on
the pixels, the old network as it is, and three recipes that reuse it.
"""

# %%
# Two halves of the data
# ----------------------
# The source is every other image as it is, the target the others, inverted.

import functools
import logging
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

start = time.perf_counter()
X, y = load_digits(return_X_y=True)
X = X / 16
X_source, y_source = X[::2], y[::2]
X_target, y_target = 1 - X[1::2], y[1::2]
print(f"{len(y_source)} digits as they are (source), {len(y_target)} inverted (target)")
print("Training the source network ...", flush=True)

# %%
# The pretrained network
# ----------------------
# Yours comes from elsewhere. This one is trained here, and saved in both of Keras's
# file formats. From now on its path is all that is needed.

import keras

from sktransfer import Backbone, TransferClassifier


def network():
    """Build a network for 64 pixels and 10 classes."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


source = TransferClassifier(network, weights=None, epochs=20, random_state=0)
source.fit(X_source, y_source)
model = network()
model.set_weights(source.weights_)

folder = Path(tempfile.mkdtemp(prefix="sktransfer_"))
h5_file, keras_file = str(folder / "source.h5"), str(folder / "source.keras")
logging.getLogger("absl").setLevel("ERROR")  # Keras calls .h5 a legacy format
model.save(h5_file)
model.save(keras_file)
same = Backbone.from_file(h5_file) == Backbone.from_file(keras_file)
print(f"saved in {folder}: source.h5 and source.keras, equal backbones: {same}")

# %%
# Six ways to a classifier
# ------------------------
# All networks have the same architecture. Each seed draws other rows to be labeled;
# the test rows are never among them.

METHODS = {
    "scratch": TransferClassifier(h5_file, weights=None, recipe="full"),
    "pixels": LogisticRegression(max_iter=1000),
    "unchanged": FrozenEstimator(source),
    "probe": TransferClassifier(h5_file, recipe="linear_probe"),
    "full": TransferClassifier(h5_file, recipe="full"),
    "LP-FT": TransferClassifier(h5_file, recipe="lp_ft"),
}
N_LABELS = [1, 2, 5, 10, 20]
SEEDS = range(5)


def split(y, n_labels, seed):
    """Draw `n_labels` rows of each class to be labeled, and the test rows."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(np.flatnonzero(y == label)) for label in np.unique(y)]
    labeled = np.concatenate([order[:n_labels] for order in orders])
    return labeled, np.concatenate([order[max(N_LABELS) :] for order in orders])


def accuracy(clf, X, y, n_labels, seed, curve=None):
    """Fit on a few rows and score on the test rows; note each epoch in `curve`."""
    labeled, test = split(y, n_labels, seed)
    clf = clone(clf)
    if "random_state" in clf.get_params():
        clf.set_params(random_state=seed)
    if curve is not None:
        watch = functools.partial(WatchAccuracy, X[test], y[test], curve)
        clf.set_params(callbacks=[watch])
    return clf.fit(X[labeled], y[labeled]).score(X[test], y[test])


class WatchAccuracy(keras.callbacks.Callback):
    """Append the test accuracy before the first epoch and after each to a list."""

    def __init__(self, X, y, curve):
        super().__init__()
        self.X, self.y, self.curve = X.astype("float32"), y, curve

    def watch(self):
        self.curve.append(np.mean(np.argmax(self.model(self.X), axis=1) == self.y))

    def on_train_begin(self, logs=None):
        self.watch()

    def on_epoch_end(self, epoch, logs=None):
        self.watch()


scores = {method: [] for method in METHODS}  # a row of 5 seeds for each n_labels
curves = {method: [] for method in ("scratch", "full", "LP-FT")}  # with 5 labels

print("\nAccuracy on the target in %, mean ± standard deviation of 5 seeds")
print("labels/class" + "".join(f"{method:>11}" for method in METHODS), flush=True)
for n_labels in N_LABELS:
    print(f"{n_labels:12}", end="", flush=True)
    for method, clf in METHODS.items():
        row = []
        for seed in SEEDS:
            curve = None
            if n_labels == 5 and method in curves:
                curve = []
                curves[method].append(curve)
            row.append(accuracy(clf, X_target, y_target, n_labels, seed, curve))
        scores[method].append(row)
        cell = f"{100 * np.mean(row):.1f} ±{100 * np.std(row):.1f}"
        print(f"{cell:>11}", end="", flush=True)
    print()
scores = {method: np.array(rows) for method, rows in scores.items()}
mean = {method: rows.mean(axis=1) for method, rows in scores.items()}

# %%
# Labels and epochs saved
# -----------------------
# How many labels a class does a network from scratch need for the accuracy that LP-FT
# has with 1 and with 5? Read off the measured curve, between its points on a
# logarithmic scale of labels.


def labels_needed(wanted):
    """Number of labels a class at which scratch has an accuracy."""
    curve = np.maximum.accumulate(mean["scratch"])
    if wanted > curve[-1]:
        return f"more than {N_LABELS[-1]}"
    return f"{2 ** np.interp(wanted, curve, np.log2(N_LABELS)):.1f}"


for n_labels in (1, 5):
    wanted = mean["LP-FT"][N_LABELS.index(n_labels)]
    print(
        f"LP-FT with {n_labels} a class: {wanted:.1%}; "
        f"scratch needs {labels_needed(wanted)} a class for that"
    )

# %%
# And how many epochs until the accuracy is within one point of what scratch ends with?

at_5 = N_LABELS.index(5)
curves["probe"] = scores["probe"][at_5][:, None]
epochs = {}
for method in ("scratch", "probe", "full", "LP-FT"):
    needed = []
    for curve, goal in zip(curves[method], scores["scratch"][at_5] - 0.01, strict=True):
        reached = np.flatnonzero(np.array(curve) >= goal)
        needed.append(reached[0] if len(reached) else np.inf)
    median = np.median(needed)
    epochs[method] = "never" if np.isinf(median) else f"{median:.0f}"
print(
    "epochs to scratch's last accuracy less 1 point, 5 a class:\n    "
    + ", ".join(f"{method} {n}" for method, n in epochs.items())
)

# %%
# Not every transfer helps
# ------------------------
# A network that learned to tell 0 to 4 apart keeps what it needs for that, and drops
# what tells 5 to 9 apart.

low, high = y_source < 5, y_target >= 5
X_high, y_high = X[1::2][high], y_target[high]  # not inverted
narrow = TransferClassifier(network, weights=None, epochs=20, random_state=0)
narrow.fit(X_source[low], y_source[low])
contest = {
    "probe": TransferClassifier(narrow.backbone_, recipe="linear_probe"),
    "LP-FT": TransferClassifier(narrow.backbone_, recipe="lp_ft"),
    "scratch": TransferClassifier(narrow.backbone_, weights=None, recipe="full"),
}
result = {
    method: np.mean([accuracy(clf, X_high, y_high, 5, seed) for seed in SEEDS])
    for method, clf in contest.items()
}
helps = result["probe"] > result["scratch"]
print(
    f"{'This transfer helps too' if helps else 'Not every transfer helps'}: "
    "digits 0-4 to 5-9, 5 a class:\n    "
    + ", ".join(f"{method} {value:.1%}" for method, value in result.items())
)

# %%
# In a pipeline and a grid search
# -------------------------------
# The pixels come as 0 to 16. Scale the target's rows as the source's were.


def scale(X):
    """Bring pixels to what the source network was trained on."""
    return X / 16


pipeline = Pipeline(
    [
        ("scale", FunctionTransformer(scale)),
        ("classify", TransferClassifier(keras_file, random_state=0)),
    ]
)
grid = {
    "classify__learning_rate": [1e-4, 1e-3, 1e-2],
    "classify__frozen_depth": [0, 1, "all"],
}
labeled, test = split(y_target, 10, seed=0)
search = GridSearchCV(pipeline, grid, cv=3)
search.fit(16 * X_target[labeled], y_target[labeled])
print(f"\ngrid search, 3 learning rates x 3 frozen depths, {len(labeled)} labels:")
best = ", ".join(
    f"{name.removeprefix('classify__')}={value}"
    for name, value in search.best_params_.items()
)
print(
    f"best {best}: {search.best_score_:.1%} cross-validated, "
    f"{search.score(16 * X_target[test], y_target[test]):.1%} on test rows"
)

# %%
# The curves
# ----------
# On the left every method with more and more labels; on the right the networks epoch
# by epoch with 5 labels a class.

try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')

STYLES = {
    "LP-FT": {"color": "#000000", "marker": "o", "linestyle": "-"},
    "full": {"color": "#0072b2", "marker": "s", "linestyle": "--"},
    "probe": {"color": "#d55e00", "marker": "^", "linestyle": "-."},
    "scratch": {"color": "#777777", "marker": "D", "linestyle": ":"},
    "pixels": {"color": "#b39100", "marker": "x", "linestyle": (0, (6, 2, 1, 2, 1, 2))},
}
if plt is not None:
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 4.2), sharey=True, layout="constrained"
    )
    for shift, (method, style) in enumerate(STYLES.items(), -2):
        left.errorbar(
            np.array(N_LABELS) * 1.02**shift,  # side by side, not on each other
            100 * mean[method],
            100 * scores[method].std(axis=1),
            label=method,
            capsize=2,
            elinewidth=1,
            **style,
        )
    unchanged = mean["unchanged"].mean()
    left.set(
        xscale="log",
        xlabel="labels a class",
        ylabel="accuracy on the target (%)",
        title=f"by labels (source network unchanged: {unchanged:.1%})",
        ylim=(100 * min(mean[method][0] for method in STYLES) - 5, 100),
    )
    left.set_xticks(N_LABELS, N_LABELS)
    left.minorticks_off()
    left.legend(title="mean ± std of 5 seeds", loc="lower right")
    for method in ("LP-FT", "full", "scratch"):
        n_epochs = min(map(len, curves[method]))  # until the first of them stops
        line = np.mean([curve[:n_epochs] for curve in curves[method]], axis=0)
        right.plot(100 * line, markevery=10, label=method, **STYLES[method])
    right.axhline(
        100 * mean["probe"][at_5], color="#d55e00", linestyle="-.", label="probe"
    )
    right.set(xlabel="epoch", title="by epochs, 5 labels a class")
    right.legend(loc="lower right")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    plot_file = folder / "quickstart.png"
    figure.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
print(f"done in {time.perf_counter() - start:.0f} s")
