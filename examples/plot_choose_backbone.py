"""
Which of several networks to start from?
========================================

Six networks are at hand, and 100 labeled images that none of them was made for.
Fine-tuning all of them, cut at every layer, would tell which is best, and takes long
with large networks. A score of their features tells in seconds, without training.
"""

# %%
# The target, and six networks
# ----------------------------
# The target's digits are turned by 20 to 40 degrees; 10 of each are labeled. The
# networks were trained on other digits: as they are, inverted, thick, tilted by 30
# degrees, without the digits 5 to 9, and with labels in disorder.

import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from scipy import ndimage
from sklearn.model_selection import train_test_split

from sktransfer import TransferClassifier, rank_backbones
from sktransfer.datasets import load_shifted_digits

X, y, sample_domain = load_shifted_digits("rotated", random_state=0)
source, target = sample_domain >= 0, sample_domain < 0
X_few, X_test, y_few, y_test = train_test_split(
    X[target], y[target], train_size=100, stratify=y[target], random_state=0
)
images, y_source = X[source].reshape(-1, 8, 8), y[source]
low = y_source < 5
SOURCES = {
    "as they are": (images, y_source),
    "inverted": (1 - images, y_source),
    "thick": (ndimage.grey_dilation(images, (1, 2, 2)), y_source),
    "tilted": (
        ndimage.rotate(images, 30, axes=(2, 1), reshape=False, order=1),
        y_source,
    ),
    "only 0 to 4": (images[low], y_source[low]),
    "disorder": (images, np.random.default_rng(0).permutation(y_source)),
}


def network():
    """Build the two hidden layers that all networks have."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(128, activation="relu", name="first"),
            keras.layers.Dense(64, activation="relu", name="last"),
        ]
    )


print("training the networks ...", flush=True)
candidates = {}
for name, (X_source, labels) in SOURCES.items():
    clf = TransferClassifier(network, weights=None, epochs=20, random_state=0)
    clf.fit(X_source.reshape(-1, 64), labels)
    for layer in ("first", "last"):
        candidates[f"{name}, {layer}"] = (clf.backbone_, layer)

# %%
# The ranking
# -----------
# Where a network is cut matters as much as which one it is, so the candidates are
# pairs. Raw inputs and random weights are ranked with them: what is not above these has
# learned nothing that helps. The score is the share of rows whose nearest row has their
# label; ``cv`` gives its spread between parts of the rows.

start = time.perf_counter()
table = rank_backbones(candidates, X_few, y_few, score="knn_score", cv=5)
print(f"\n{len(table)} scores in {time.perf_counter() - start:.1f} s")
for row in table:
    print(f"{row['candidate']:22}{row['score']:.3f} ±{row['score_std']:.3f}")

# %%
# Was it right?
# -------------
# Here the networks are small, so that all can be fine-tuned, each with three seeds, and
# tested on the other rows of the target.

print("\nfine-tuning all of them ...", flush=True)
accuracies = {}
for name, (backbone, layer) in candidates.items():
    scores = []
    for seed in range(3):
        clf = TransferClassifier(backbone, feature_layer=layer, random_state=seed)
        scores.append(clf.fit(X_few, y_few).score(X_test, y_test))
    accuracies[name] = np.mean(scores)
first = next(name for name in table["candidate"] if name in candidates)
best = max(accuracies, key=accuracies.get)
print(f"ranked first: {first}, accuracy {accuracies[first]:.1%}")
print(f"truly best:   {best}, accuracy {accuracies[best]:.1%}")
print(f"mean of all:  {np.mean([*accuracies.values()]):.1%}")

# %%
# Both pictures
# -------------
# On the left what the score says, with the better control as a line. On the right the
# scores against the accuracies: Kendall's tau is 1 when both have the same order and 0
# when they have nothing in common.

try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')

if plt is not None:
    from sktransfer.plotting import TransferabilityDisplay

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 4.6), layout="constrained", width_ratios=(1, 1.2)
    )
    TransferabilityDisplay.from_table(table, ax=left)
    left.set(title="the ranking", xlabel="share of rows whose nearest has their label")
    display = TransferabilityDisplay.from_table(table, accuracies=accuracies, ax=right)
    right.set(title="and the fine-tuned networks")
    print(f"Kendall's tau {display.kendall_tau_:.2f}")
    plot_file = Path(tempfile.mkdtemp(prefix="sktransfer_")) / "choose_backbone.png"
    figure.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
