"""
Between the old domain and the new one
======================================

A network that reads upright digits is fine-tuned on a few rotated ones. It gets better
at these and worse at those. Two averages of weights, made after the fit, cost no
further training: `interpolate` goes back some of the way to the pretrained weights, and
`soup` averages the fits of a sweep over learning rates.
"""

# %%
# A sweep over learning rates
# ---------------------------
# The source is trained on upright digits. From there ``head="keep"`` goes on with its
# ten classes on 100 rotated digits, at five learning rates; 100 others are for
# validation. All else is for testing: old digits that the source has not seen, and new
# ones.

import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from sktransfer import TransferClassifier, soup
from sktransfer.datasets import load_shifted_digits

RATES = [5e-4, 1e-3, 2e-3, 4e-3, 8e-3]
ALPHAS = np.linspace(0, 1, 11)
SEEDS = range(5)


def sweep(seed):
    """Give the fits of one seed, validation rows, and test rows of both domains."""
    X, y, sample_domain = load_shifted_digits("rotated", random_state=seed)
    rng = np.random.default_rng(seed)
    old, new = (
        rng.permutation(np.flatnonzero(mask))
        for mask in (sample_domain >= 0, sample_domain < 0)
    )
    source = TransferClassifier("mlp", epochs=30, random_state=seed)
    source.fit(X[old[:600]], y[old[:600]])
    fits = [
        TransferClassifier(
            source.backbone_, head="keep", learning_rate=rate, random_state=seed
        ).fit(X[new[:100]], y[new[:100]])
        for rate in RATES
    ]
    rows = (new[100:200], old[600:], new[200:])
    return fits, *((X[index], y[index]) for index in rows)


# %%
# Along the line
# --------------
# `interpolate(0)` is the source and `interpolate(1)` the fine-tuned network. In between
# nothing is trained. "auto" takes the share with the least log loss on validation rows;
# here these are new digits and as many old ones, as both domains count.

curves, rates, souped, chosen = [], [], [], []
for seed in SEEDS:
    fits, validation, *tests = sweep(seed)
    tuned = fits[RATES.index(4e-3)]
    both = [np.concatenate(pair) for pair in zip(validation, tests[0], strict=True)]
    both = [array[:200] for array in both]
    held_out = [tests[0][0][100:], tests[0][1][100:]], tests[1]
    points = [tuned.interpolate(alpha) for alpha in ALPHAS]
    curves.append([[clf.score(*rows) for rows in held_out] for clf in points])
    auto = tuned.interpolate("auto", *both)
    chosen.append(
        [auto.interpolation_alpha_, *(auto.score(*rows) for rows in held_out)]
    )
    rates.append([[clf.score(*rows) for rows in held_out] for clf in fits])
    averaged = soup(fits, *validation)
    best = int(np.argmax([clf.score(*validation) for clf in fits]))
    souped.append(
        [
            *(fits[best].score(*rows) for rows in held_out),
            *(averaged.score(*rows) for rows in held_out),
            len(averaged.soup_members_),
        ]
    )

curves, rates, souped, chosen = map(np.array, (curves, rates, souped, chosen))
print(f"accuracy in %, means of {len(SEEDS)} draws   old digits  new digits")


def tell(name, scores):
    """Print one line of the table."""
    old, new = 100 * np.mean(scores, axis=0)
    print(f"{name:<38}{old:>11.1f}{new:>12.1f}")


tell("the source, alpha=0", curves[:, 0])
tell("fine-tuned at 0.004, alpha=1", curves[:, -1])
tell(f"alpha='auto', {chosen[:, 0].mean():.2f} on average", chosen[:, 1:])
tell("the best rate on validation rows", souped[:, :2])
tell(f"soup, of {souped[:, 4].mean():.1f} fits on average", souped[:, 2:4])

# %%
# From the fine-tuned network the first steps back are free: at alpha=0.8 the old digits
# have gained and the new ones have lost nothing. Further on one is bought with the
# other. A lower learning rate does as much here; interpolation is for a fit that is
# there already. The greedy soup takes one or two of the five fits, and is about as good
# as the best of them.
#
# The picture
# -----------

try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')

if plt is not None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    for i, (name, color, marker) in enumerate(
        [("old digits", "#d55e00", "o"), ("new digits", "#0072b2", "s")]
    ):
        values = 100 * curves[..., i]
        mean, std = values.mean(axis=0), values.std(axis=0)
        left.plot(ALPHAS, mean, color=color, marker=marker, label=name)
        left.fill_between(ALPHAS, mean - std, mean + std, color=color, alpha=0.15)
    of_auto = chosen[:, 0].mean()
    left.axvline(of_auto, color="#777777", linestyle=":", zorder=0)
    left.text(of_auto - 0.02, 25, "auto", color="#555555", ha="right")
    left.set(xlabel="alpha: from pretrained to fine-tuned", ylabel="accuracy (%)")
    left.legend(title="mean ± std of 5 draws")

    old, new = 100 * rates.mean(axis=0).T
    right.plot(old, new, color="#999999", linestyle=":", marker="o", label="fits")
    for x, y, rate in zip(old, new, RATES, strict=True):
        right.annotate(
            f"{rate:g}", (x, y), xytext=(6, -11), textcoords="offset points", fontsize=9
        )
    right.plot(
        *100 * curves.mean(axis=0).T, color="#009e73", label="0.004, interpolated"
    )
    for name, columns, marker, color in (
        ("best fit", slice(0, 2), "^", "#d55e00"),
        ("soup", slice(2, 4), "*", "#000000"),
    ):
        x, y = 100 * souped[:, columns].mean(axis=0)
        right.plot(x, y, marker, color=color, markersize=11, label=name)
    right.set(xlabel="accuracy on old digits (%)", ylabel="accuracy on new digits (%)")
    right.set(xlim=(70, 98), ylim=(70, 87))
    right.legend(loc="lower left")
    for axes in left, right:
        axes.grid(alpha=0.3)
    plot_file = Path(tempfile.mkdtemp(prefix="sktransfer_")) / "interpolate.png"
    figure.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
