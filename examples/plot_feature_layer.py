"""
Which layer, and how much of it frozen?
=======================================

The last features of a network are the most specific to its old task. When the new task
is another one, an inner layer can serve better. A small convolutional network learns
the digits 0 to 4; for the digits 5 to 9, ``feature_layer`` and ``frozen_depth`` are
parameters to search over.
"""

# %%
# The pretrained network
# ----------------------

import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split

from sktransfer import TransferClassifier


def network():
    """Build a network for 8 x 8 images and 5 classes."""
    conv = {"padding": "same", "activation": "relu"}
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, name="conv_1", **conv),
            keras.layers.Conv2D(32, 3, name="conv_2", **conv),
            keras.layers.MaxPooling2D(2, name="pool"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(64, activation="relu", name="hidden_1"),
            keras.layers.Dense(16, activation="relu", name="hidden_2"),
            keras.layers.Dense(5, activation="softmax", name="classes"),
        ]
    )


X, y = load_digits(return_X_y=True)
X = X / 16
low = y < 5
source = TransferClassifier(network, weights=None, epochs=15, random_state=0)
print("training on the digits 0 to 4 ...", flush=True)
source.fit(X[low], y[low])

# %%
# ``layers_table`` names the layers to cut at, and shows which depth freezes them.

print(source.backbone_.layers_table())

# %%
# The search
# ----------
# 10 labels of each of the digits 5 to 9. A frozen depth that is a fraction means the
# same for each cut: nothing, half or all of what is left of the network.

X_few, X_test, y_few, y_test = train_test_split(
    X[~low], y[~low], train_size=50, stratify=y[~low], random_state=0
)
LAYERS = ["conv_2", "flat", "hidden_1", "hidden_2"]
DEPTHS = [0, 0.5, "all"]
search = GridSearchCV(
    TransferClassifier(source.backbone_, random_state=0),
    {"feature_layer": LAYERS, "frozen_depth": DEPTHS},
    cv=StratifiedKFold(3, shuffle=True, random_state=0),
)
print("searching ...", flush=True)
search.fit(X_few, y_few)
results = search.cv_results_
shape = len(LAYERS), len(DEPTHS)  # the last parameter changes first
found = results["mean_test_score"].reshape(shape)
spread = results["std_test_score"].reshape(shape)
print("\ncross-validated accuracy on the digits 5 to 9, in %")
print("feature layer   " + "".join(f"{f'frozen: {depth}':>14}" for depth in DEPTHS))
for layer, row in zip(LAYERS, found, strict=True):
    print(f"{layer:16}" + "".join(f"{100 * score:14.1f}" for score in row))

# %%
# Does it hold on new rows? The last layer, which is the default, and the network from
# scratch are there to compare with.

CONTEST = {
    "found": search.best_estimator_,
    "default": TransferClassifier(source.backbone_, random_state=0),
    "scratch": TransferClassifier(network, weights=None, random_state=0),
}
print(f"\nfound: {search.best_params_}")
test = {
    name: clf.fit(X_few, y_few).score(X_test, y_test) for name, clf in CONTEST.items()
}
print(f"accuracy on {len(y_test)} other rows: ", end="")
print(", ".join(f"{name} {score:.1%}" for name, score in test.items()))

# %%
# The scores
# ----------

try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')

STYLES = [
    {"color": "#000000", "marker": "o", "linestyle": "-"},
    {"color": "#0072b2", "marker": "s", "linestyle": "--"},
    {"color": "#d55e00", "marker": "^", "linestyle": ":"},
]
if plt is not None:
    figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
    for shift, depth, style in zip(range(3), DEPTHS, STYLES, strict=True):
        axes.errorbar(
            np.arange(len(LAYERS)) + 0.06 * (shift - 1),
            100 * found[:, shift],
            100 * spread[:, shift],
            label=f"{depth}",
            capsize=3,
            elinewidth=1,
            **style,
        )
    axes.set_xticks(range(len(LAYERS)), LAYERS)
    axes.set(
        xlabel="feature layer, from the input to the output",
        ylabel="cross-validated accuracy (%)",
        title="from the digits 0-4 to the digits 5-9, 10 labels a class",
    )
    axes.grid(alpha=0.3)
    axes.legend(title="frozen depth\n(bars: std of 3 folds)")
    plot_file = Path(tempfile.mkdtemp(prefix="sktransfer_")) / "feature_layer.png"
    figure.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
