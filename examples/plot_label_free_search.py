"""
A search without labels of the target
=====================================

Which method, how strong, at which learning rate? Without labels of the target a search
needs a scorer that does without them, and such a scorer can be fooled. Here the labels
are known after all, so that each candidate's score can be held against its accuracy.
"""

# %%
# The candidates
# --------------
# Digits, and digits whose strokes are a pixel thicker. All labels are passed to
# ``fit``: those of the target are read by ``SupervisedScorer`` alone, neither by the
# classifier nor by the other scorers.

import os
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import sklearn
from scipy.stats import spearmanr
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sktransfer import DomainAdaptedClassifier
from sktransfer.adaptation import DAN, DANN, JAN, MCC, SourceOnly
from sktransfer.datasets import load_shifted_digits
from sktransfer.model_selection import (
    ClassAMIScorer,
    DomainShuffleSplit,
    ImportanceWeightedScorer,
    InfoMaxScorer,
    SupervisedScorer,
)

X, y, sample_domain = load_shifted_digits("thickened", random_state=0)
METHODS = [SourceOnly(), *(m(w) for m in (DAN, JAN, DANN, MCC) for w in (0.3, 3.0))]
SCORERS = {
    "InfoMaxScorer": InfoMaxScorer(),
    "ClassAMIScorer": ClassAMIScorer(),
    "ImportanceWeightedScorer": ImportanceWeightedScorer(),
}

# %%
# The search
# ----------
# One split will do for a picture. Some candidates warn that they look wrong; here that
# is part of the study.

search = GridSearchCV(
    DomainAdaptedClassifier(epochs=20, random_state=0),
    {"method": METHODS, "learning_rate": [3e-4, 1e-3, 3e-3]},
    scoring=SCORERS | {"truth": SupervisedScorer()},
    refit=False,
    cv=DomainShuffleSplit(1, test_size=0.3, random_state=0),
    error_score="raise",
)
print("searching ...", flush=True)
with (
    sklearn.config_context(enable_metadata_routing=True),
    warnings.catch_warnings(action="ignore", category=ConvergenceWarning),
):
    search.fit(X, y, sample_domain=sample_domain)

results = search.cv_results_
truth = 100 * results["mean_test_truth"]
kinds = np.array([type(method).__name__ for method in results["param_method"]])

# %%
# What each scorer picks
# ----------------------


def pick(name, rows):
    """Find the candidate of some rows that a scorer likes best."""
    return rows[results[f"mean_test_{name}"][rows].argmax()]


everything = np.arange(len(truth))
without_mcc = np.flatnonzero(kinds != "MCC")
print(f"{len(truth)} candidates; accuracy on the target in %, by the one picked")
print(f"{'scorer':26}{'of all':>8}{'without MCC':>14}{'rank correlation':>18}")
for name in (*SCORERS, "truth"):
    of_all, of_others = (truth[pick(name, rows)] for rows in (everything, without_mcc))
    rank = spearmanr(results[f"mean_test_{name}"], truth).statistic
    print(f"{name:26}{of_all:8.1f}{of_others:14.1f}{rank:18.2f}")
baseline = truth[kinds == "SourceOnly"]
print(f"source only: {baseline.min():.1f} to {baseline.max():.1f}")

# %%
# ``MCC`` trains for sure predictions on the target, wrong ones too, and they are what
# ``InfoMaxScorer`` looks for: it is no judge between this method and others. Here
# ``ClassAMIScorer``, by clusters of the features, judges better. No scorer does on all
# data.
#
# The picture
# -----------

try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')

STYLES = {
    "SourceOnly": {"color": "#777777", "marker": "D"},
    "DAN": {"color": "#0072b2", "marker": "o"},
    "JAN": {"color": "#000000", "marker": "s"},
    "DANN": {"color": "#b39100", "marker": "v"},
    "MCC": {"color": "#d55e00", "marker": "^"},
}
if plt is not None:
    figure, all_axes = plt.subplots(
        1, 3, figsize=(11, 4.4), sharey=True, layout="constrained"
    )
    for axes, name in zip(all_axes, SCORERS, strict=True):
        values = results[f"mean_test_{name}"]
        for kind, style in STYLES.items():
            rows = kinds == kind
            axes.scatter(values[rows], truth[rows], s=36, label=kind, **style)
        best = pick(name, everything)
        axes.scatter(
            values[best],
            truth[best],
            s=260,
            facecolors="none",
            edgecolors="#cc0066",
            linewidths=2,
            label="picked",
        )
        axes.set(
            title=f"{name}: picks {truth[best]:.0f}%",
            xlabel="score, without labels of the target",
        )
        axes.grid(alpha=0.3)
    all_axes[0].set_ylabel("accuracy on the target (%)")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), frameon=False
    )
    plot_file = Path(tempfile.mkdtemp(prefix="sktransfer_")) / "label_free_search.png"
    figure.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
