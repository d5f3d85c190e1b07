"""
From one table to the next
==========================

Two clinics measure the same 30 columns. One has hundreds of labeled rows, the other
a handful, and its images have a coarser texture. The network of the first,
``source.backbone_``, is where the second starts from. A few labels are where this pays
off; with enough of its own, the second clinic needs no help.
"""

# %%
# The two tables
# --------------
# scikit-learn's breast cancer table, split by its column ``mean texture``. This is a
# shift in what is measured, not in what it means: the classes are the same.

import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import TransferClassifier

table = load_breast_cancer()
X, y = table.data, table.target_names[table.target]
texture = X[:, list(table.feature_names).index("mean texture")]
fine = texture < np.median(texture)
X_source, y_source, X_target, y_target = X[fine], y[fine], X[~fine], y[~fine]
for name, labels in ("source", y_source), ("target", y_target):
    share = np.mean(labels == "malignant")
    print(f"{name}: {len(labels)} rows, {share:.0%} malignant", flush=True)

# %%
# The source's network
# --------------------
# The default backbone is a network for tables: it standardizes the columns by the rows
# that it was trained on. The target's rows are given to it as they are.

source = TransferClassifier("mlp", epochs=30, random_state=0).fit(X_source, y_source)
print(source.backbone_.layers_table())

# %%
# Five ways to a classifier for the target
# ----------------------------------------
# The classes are the same, so the source's classification layer can be kept.

METHODS = {
    "scratch": TransferClassifier("mlp"),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "source": FrozenEstimator(source),
    "new head": TransferClassifier(source.backbone_),
    "kept head": TransferClassifier(source.backbone_, head="keep"),
}
N_LABELS = [1, 2, 5, 10, 30]
SEEDS = range(6)

scores = {method: [] for method in METHODS}
print("\naccuracy on the target in %, mean ± standard deviation of 6 draws of rows")
print("labels/class" + "".join(f"{method:>12}" for method in METHODS), flush=True)
for n_labels in N_LABELS:
    print(f"{n_labels:12}", end="")
    for method, clf in METHODS.items():
        row = []
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            orders = [
                rng.permutation(np.flatnonzero(y_target == label))
                for label in np.unique(y_target)
            ]
            labeled = np.concatenate([order[:n_labels] for order in orders])
            test = np.concatenate([order[max(N_LABELS) :] for order in orders])
            fitted = clone(clf)
            if "random_state" in fitted.get_params():
                fitted.set_params(random_state=seed)
            fitted.fit(X_target[labeled], y_target[labeled])
            row.append(fitted.score(X_target[test], y_target[test]))
        scores[method].append(row)
        cell = f"{100 * np.mean(row):.1f} ±{100 * np.std(row):.1f}"
        print(f"{cell:>12}", end="", flush=True)
    print()

# %%
# Did it help?
# ------------
# Compare with the best that the target can do by itself, and with the source's
# classifier as it is, which needs no label at all.

mean = {method: np.mean(rows, axis=1) for method, rows in scores.items()}
alone = np.maximum(mean["scratch"], mean["logistic"])
print("\nkept head less the best that the target can do alone, and less the source:")
print("labels/class" + "".join(f"{n_labels:12}" for n_labels in N_LABELS))
for name, other in ("less alone", alone), ("less source", mean["source"]):
    gains = 100 * (mean["kept head"] - other)
    print(f"{name:12}" + "".join(f"{gain:+12.1f}" for gain in gains))

# %%
# The curves
# ----------

try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')

STYLES = {
    "kept head": {"color": "#000000", "marker": "o", "linestyle": "-"},
    "new head": {"color": "#0072b2", "marker": "s", "linestyle": "--"},
    "source": {"color": "#d55e00", "marker": "^", "linestyle": "-."},
    "scratch": {"color": "#777777", "marker": "D", "linestyle": ":"},
    "logistic": {"color": "#b39100", "marker": "x", "linestyle": (0, (6, 2, 1, 2))},
}
if plt is not None:
    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for shift, (method, style) in enumerate(STYLES.items(), -2):
        axes.errorbar(
            np.array(N_LABELS) * 1.025**shift,  # side by side, not on each other
            100 * mean[method],
            100 * np.std(scores[method], axis=1),
            label=method,
            capsize=2,
            elinewidth=1,
            **style,
        )
    axes.set(xscale="log", xlabel="labels a class", ylabel="accuracy on the target (%)")
    axes.set_xticks(N_LABELS, N_LABELS)
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(title="mean ± std of 6 draws", loc="lower right")
    plot_file = Path(tempfile.mkdtemp(prefix="sktransfer_")) / "source_table.png"
    figure.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
