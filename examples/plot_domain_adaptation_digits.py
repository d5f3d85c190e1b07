"""
Features of two domains, before and after adapting
==================================================

A network learns digits from clean images, and has to read images that are moved,
dimmed and noisy. Nobody has labeled those. An adaptation method trains with them all
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

from sktransfer import DomainAdaptedClassifier
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
# digit of the source does. Without ``projection`` they would be the first two principal
# components, which are quick but cannot hold ten digits apart.

try:
    import matplotlib  # noqa: F401
except ImportError:
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')
else:
    from sktransfer.plotting import DomainFeaturesDisplay

    shown = np.random.default_rng(0).permutation(len(X))[:900]
    display = DomainFeaturesDisplay.from_estimator(
        fitted["mcc"],
        X[shown],
        y[shown],
        sample_domain=sample_domain[shown],
        before=fitted["source_only"],
        projection=TSNE(random_state=0),
    )
    for axes, method in zip(display.ax_, ("source_only", "mcc"), strict=True):
        accuracy = 100 * scores[method][0, 1]
        axes.set_title(f"{method}: {accuracy:.0f}% right on the target")
    plot_file = Path(tempfile.mkdtemp(prefix="sktransfer_")) / "digits_features.png"
    display.figure_.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
