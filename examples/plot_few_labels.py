"""
Tables with few labels
======================

The backbone "tabular" was trained once, on synthetic tables, to tell classes from
labeled rows beside them. On a small table of your own it needs no gradient step, no
scaling and no tuning. Here it meets the tables of scikit-learn, with 20 to 100 labels.
"""

# %%
# Tables and rivals
# -----------------
# The network has seen none of these tables. Logistic regression gets scaled columns and
# a penalty chosen by cross-validation; the forest is as it comes.

import os
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import TransferClassifier

# Newton steps of barely regularized candidates may not converge; they are not chosen.
warnings.filterwarnings("ignore", module="sklearn")

TABLES = {
    "breast cancer": load_breast_cancer,
    "wine": load_wine,
    "iris": load_iris,
}
SIZES, SEEDS = (20, 50, 100), range(3)
METHODS = {
    "tabular": TransferClassifier("tabular", random_state=0),
    "logistic": GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        {"logisticregression__C": np.logspace(-2, 2, 5)},
        cv=StratifiedKFold(3),
        scoring="neg_log_loss",
    ),
    "forest": RandomForestClassifier(random_state=0),
}

# %%
# Curves
# ------
# The log loss on the rows that were not used for training: it asks for probabilities
# that are right, not for the right order alone. On wine and iris the network is ahead.
# On breast cancer it is behind at 20 and 50 rows: a plane parts these classes, which is
# what logistic regression assumes, and with 20 rows that is worth more than any
# pretraining.

losses = {}
for table, load in TABLES.items():
    X, y = load(return_X_y=True)
    for size in SIZES:
        for seed in SEEDS:
            X_train, X_test, y_train, y_test = train_test_split(
                X, y, train_size=size, stratify=y, random_state=seed
            )
            for name, method in METHODS.items():
                found = method.fit(X_train, y_train).predict_proba(X_test)
                loss = log_loss(y_test, np.clip(found, 1e-3, 1))
                losses.setdefault((table, name, size), []).append(loss)

for table in TABLES:
    print(table, flush=True)
    for name in METHODS:
        means = [np.mean(losses[table, name, size]) for size in SIZES]
        print(f"  {name:10}", *(f"{mean:.3f}" for mean in means), flush=True)

# %%
# A picture
# ---------

try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')

STYLES = {
    "tabular": {"color": "#000000", "marker": "o", "linestyle": "-"},
    "logistic": {"color": "#0072b2", "marker": "s", "linestyle": "--"},
    "forest": {"color": "#d55e00", "marker": "^", "linestyle": "-."},
}
if plt is not None:
    figure, all_axes = plt.subplots(
        1, len(TABLES), figsize=(9.5, 3.4), layout="constrained"
    )
    for axes, table in zip(all_axes, TABLES, strict=True):
        for name, style in STYLES.items():
            means = [np.mean(losses[table, name, size]) for size in SIZES]
            axes.plot(SIZES, means, label=name, **style)
        axes.set(title=table, xlabel="labeled rows", xscale="log", ylim=(0, None))
        axes.set_xticks(SIZES, SIZES)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    all_axes[0].set_ylabel("log loss on other rows")
    all_axes[0].legend(title=f"mean of {len(SEEDS)} draws")
    plot_file = Path(tempfile.mkdtemp(prefix="sktransfer_")) / "few_labels.png"
    figure.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
