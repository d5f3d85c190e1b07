"""
Features of two domains, before and after adapting
==================================================

A network learns digits from clean images, and has to read images that are moved,
dimmed and noisy. Nobody has labelled those. An adaptation method trains with them all
the same; what that does to the network's features can be seen.
"""

# %%
# The two domains
# ---------------
# Half of scikit-learn's digits as they are, and half of them changed. The labels of the
# changed ones serve to measure the accuracy, and for nothing else.

import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.manifold import TSNE

from sktransfer import BackboneFeatures, DomainAdaptedClassifier
from sktransfer.datasets import load_shifted_digits

X, y, sample_domain = load_shifted_digits("translated", random_state=0)
source, target = sample_domain >= 0, sample_domain < 0
print(f"{source.sum()} rows of the source, {target.sum()} of the target", flush=True)


def network():
    """Build a network for 8 x 8 images and 10 classes."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(32, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


# %%
# Three methods
# -------------
# ``source_only`` leaves the target out. ``dan`` makes the distributions of the features
# agree; ``mcc`` makes the predictions on the target confuse fewer classes. One seed is
# an anecdote, so there are three.

METHODS = ["source_only", "dan", "mcc"]
SEEDS = range(3)

y_known = np.where(source, y, -1)
fitted, scores = {}, {}
print("\naccuracy in %, mean ± standard deviation of 3 seeds")
print(f"{'method':12}{'source':>12}{'target':>12}")
for method in METHODS:
    row = []
    for seed in SEEDS:
        clf = DomainAdaptedClassifier(
            network, weights=None, method=method, epochs=20, random_state=seed
        )
        clf.fit(X, y_known, sample_domain=sample_domain)
        row.append([clf.score(X[rows], y[rows]) for rows in (source, target)])
        fitted.setdefault(method, clf)
    scores[method] = np.array(row)
    cells = [
        f"{100 * mean:.1f} ±{100 * std:.1f}"
        for mean, std in zip(
            scores[method].mean(axis=0), scores[method].std(axis=0), strict=True
        )
    ]
    print(f"{method:12}" + "".join(f"{cell:>12}" for cell in cells), flush=True)

# %%
# The features
# ------------
# What goes into the classification layer, 64 numbers a row, is projected to the plane
# by t-SNE, for the first seed: rows that are alike are drawn near each other. Distances
# between clusters mean nothing, but whether a digit of the target lies with the same
# digit of the source does.

shown = np.random.default_rng(0).permutation(len(X))[:900]
projections = {}
for method in ("source_only", "mcc"):
    features = BackboneFeatures(fitted[method].backbone_).fit_transform(X[shown])
    projections[method] = TSNE(random_state=0).fit_transform(features)

# %%
# The picture
# -----------

try:
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D
except ImportError:
    plt = None
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')

if plt is not None:
    figure, all_axes = plt.subplots(1, 2, figsize=(10, 5.2), layout="constrained")
    colours = plt.get_cmap("tab10")
    for axes, (method, points) in zip(all_axes, projections.items(), strict=True):
        for rows, style in (
            (source, {"marker": "o", "s": 14, "alpha": 0.35, "linewidths": 0}),
            (target, {"marker": "x", "s": 22, "linewidths": 1}),
        ):
            rows = rows[shown]
            axes.scatter(*points[rows].T, c=colours(y[shown][rows]), **style)
        for digit in range(10):
            rows = source[shown] & (y[shown] == digit)
            axes.text(
                *np.median(points[rows], axis=0),
                str(digit),
                size=13,
                weight="bold",
                ha="center",
                va="center",
                bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": "#999999"},
            )
        accuracy = 100 * scores[method][0, 1]
        axes.set_title(f"{method}: {accuracy:.0f}% right on the target")
        axes.set(xticks=[], yticks=[])
    handles = [
        Line2D([], [], marker=marker, linestyle="", color="#555555", label=label)
        for marker, label in (("o", "source, labelled"), ("x", "target, unlabelled"))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    plot_file = Path(tempfile.mkdtemp(prefix="sktransfer_")) / "digits_features.png"
    figure.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
