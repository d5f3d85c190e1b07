"""
How much to freeze, and how fast to learn
=========================================

A network that is fine-tuned on a few rows can keep the weights of its first layers, and
change the others slowly or fast. What is best depends on both together, so a grid
search tries both, and a heat map shows what it has found.
"""

# %%
# A source and a few labels of the target
# ---------------------------------------
# The source network knows upright digits. Those of the target are turned by 20 to 40
# degrees, and 10 of each have labels.

import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedStratifiedKFold,
    train_test_split,
)

from sktransfer import TransferClassifier
from sktransfer.datasets import load_shifted_digits

X, y, sample_domain = load_shifted_digits("rotated", random_state=0)
source, target = sample_domain >= 0, sample_domain < 0
X_few, X_test, y_few, y_test = train_test_split(
    X[target], y[target], train_size=100, stratify=y[target], random_state=0
)


def network():
    """Build a network of three hidden layers."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(96, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


print("training on the source ...", flush=True)
clf = TransferClassifier(network, weights=None, epochs=15, random_state=0)
clf.fit(X[source], y[source])
print(f"the source network as it is: {clf.score(X_test, y_test):.1%} of the target")

# %%
# The search
# ----------
# ``frozen_depth`` counts weighted layers from the input; "all" trains the new
# classification layer alone, so that no learning rate matters there. With 100 rows one
# way to split them would be an anecdote, so each score is a mean over eight splits.

search = GridSearchCV(
    TransferClassifier(clf.backbone_, random_state=0),
    {"frozen_depth": [0, 1, 2, "all"], "learning_rate": [1e-4, 1e-3, 3e-3, 1e-2]},
    cv=RepeatedStratifiedKFold(n_splits=4, n_repeats=2, random_state=0),
)
print("searching ...", flush=True)
search.fit(X_few, y_few)
print(f"found: {search.best_params_}, {search.best_score_:.1%} cross-validated")

# %%
# Does it hold on rows that the search has not seen? The defaults, which freeze nothing
# and learn at 0.001, and freezing all are there to compare with.

scores = {"found": search.score(X_test, y_test)}
for name, depth in (("the defaults", 0), ("all frozen", "all")):
    other = TransferClassifier(clf.backbone_, frozen_depth=depth, random_state=0)
    scores[name] = other.fit(X_few, y_few).score(X_test, y_test)
print(f"accuracy on {len(y_test)} other rows: ", end="")
print(", ".join(f"{name} {score:.1%}" for name, score in scores.items()))

# %%
# The heat map
# ------------
# Beside it the same search against the depth alone, each depth with the learning rate
# that suits it best. Differences that are small beside the bars say little.

try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')

if plt is not None:
    from sktransfer.plotting import FrozenDepthDisplay

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    FrozenDepthDisplay.from_estimator(search, by="learning_rate", ax=left)
    FrozenDepthDisplay.from_estimator(search, ax=right)
    figure.suptitle("from upright to turned digits, 10 labels a class")
    plot_file = Path(tempfile.mkdtemp(prefix="sktransfer_")) / "frozen_depth.png"
    figure.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
