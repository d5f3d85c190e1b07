"""
The same patients, in other shares
==================================

A classifier trained in a clinic that examines everybody goes to one where other
patients are sent. A benign and a malignant tumour look the same in both; but here more
than a third are malignant, there perhaps a tenth, or nine tenths. The method
"label_shift" estimates the shares from the unlabeled rows of the target, and corrects
the predictions.
"""

# %%
# One source, five targets
# ------------------------
# scikit-learn's breast cancer table, with five columns that leave some doubt. Half of
# the rows are the source. From the other half 300 rows are drawn for each target, with
# a given share of malignant ones.

import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.datasets import load_breast_cancer

from sktransfer import DomainAdaptedClassifier
from sktransfer.adaptation import LabelShift

COLUMNS = [
    "mean texture",
    "mean smoothness",
    "mean symmetry",
    "mean fractal dimension",
    "texture error",
]
SHARES = [0.1, 0.3, 0.5, 0.7, 0.9]
SEEDS = range(5)

table = load_breast_cancer()
X = table.data[:, [list(table.feature_names).index(column) for column in COLUMNS]]
y = table.target_names[table.target]
print(f"{len(y)} rows, {np.mean(y == 'malignant'):.0%} malignant")


def split(share, seed):
    """Give rows of the source, and of a target with some share of malignant ones."""
    rng = np.random.default_rng(seed)
    source, rest = np.array_split(rng.permutation(len(y)), 2)
    n_malignant = round(300 * share)
    target = [
        rng.choice(rest[y[rest] == label], n)
        for label, n in (("malignant", n_malignant), ("benign", 300 - n_malignant))
    ]
    return source, np.concatenate(target)


# %%
# Shares and accuracy
# -------------------
# The share that the network without correction finds is the mean of its probabilities,
# which lies between that of the source and the true one. "label_shift" estimates it by
# expectation maximization ("em"), or from the confusion matrix ("bbse"). By default a
# guard corrects nothing where other shares explain too little of how the target
# differs. It is off, as the shares are known to be all that differs here.

METHODS = {
    "not corrected": "source_only",
    "label shift, em": LabelShift(guard=False),
    "label shift, bbse": LabelShift(estimator="bbse", guard=False),
}

shares, scores = ({name: [] for name in METHODS} for _ in range(2))
print("\nestimated share of malignant rows and accuracy in %, means of 5 draws")
print("true share" + "".join(f"{name:>22}" for name in METHODS), flush=True)
for share in SHARES:
    print(f"{share:10.0%}", end="")
    for name, method in METHODS.items():
        found = []
        for seed in SEEDS:
            source, target = split(share, seed)
            clf = DomainAdaptedClassifier(method=method, epochs=15, random_state=seed)
            clf.fit(X[source], y[source], X_target=X[target])
            estimate = clf.target_prior_[clf.classes_ == "malignant"].item()
            found.append([estimate, clf.score(X[target], y[target])])
        of_share, of_score = zip(*found, strict=True)
        shares[name].append(of_share)
        scores[name].append(of_score)
        cell = f"{100 * np.mean(of_share):.1f}  {100 * np.mean(of_score):.1f}"
        print(f"{cell:>22}", end="", flush=True)
    print()

# %%
# Where the shares have hardly changed there is nothing to gain, and the error of the
# estimate is the price.
#
# The picture
# -----------

try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')

STYLES = [
    {"color": "#d55e00", "marker": "^", "linestyle": "-."},
    {"color": "#000000", "marker": "o", "linestyle": "-"},
    {"color": "#0072b2", "marker": "s", "linestyle": "--"},
]
if plt is not None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    true = 100 * np.array(SHARES)
    left.plot([0, 100], [0, 100], color="#bbbbbb", zorder=0)
    left.text(22, 13, "estimate = truth", rotation=42, color="#777777")
    for shift, (name, style) in enumerate(zip(METHODS, STYLES, strict=True), -1):
        for axes, values in (left, shares[name]), (right, scores[name]):
            axes.errorbar(
                true + shift,  # side by side, not on each other
                100 * np.mean(values, axis=1),
                100 * np.std(values, axis=1),
                label=name,
                capsize=2,
                elinewidth=1,
                **style,
            )
    of_source = 100 * np.mean(y == "malignant")
    for axes in left, right:
        axes.axvline(of_source, color="#bbbbbb", linestyle=":", zorder=0)
        axes.set_xticks(true)
        axes.set_xlabel("true share of malignant rows in the target (%)")
        axes.grid(alpha=0.3)
    left.text(of_source + 1, 97, "share in the source", color="#777777", va="top")
    left.set(ylabel="estimated share (%)", ylim=(0, 100))
    right.set(ylabel="accuracy on the target (%)")
    right.legend(title="mean ± std of 5 draws")
    plot_file = Path(tempfile.mkdtemp(prefix="sktransfer_")) / "label_shift.png"
    figure.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
