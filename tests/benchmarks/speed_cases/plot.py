"""The pictures of the benchmark."""

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from speed_cases.report import outcomes

_COLOURS = {"met": "#2a7f62", "other": "#c8553d", "no goal": "#9aa5b1"}
# Panel of a curve -> label of its x axis, of its y axis, and the scale.
_PANELS = {
    "rows": ("rows", "seconds, one epoch", "log"),
    "candidates": ("candidates in the grid", "seconds", "linear"),
    "memory, dense network": ("fits of the dense network", "MB added", "linear"),
    "memory, MobileNetV2": ("fits of MobileNetV2", "MB added", "linear"),
}


def ratio_figure(results):
    """Bars of how many times as fast ours is, with a mark at each goal.

    Where two of ours have the same neighbor, the slower one is shown.

    Returns
    -------
    matplotlib.figure.Figure or None
        None where no comparison was measured.
    """
    slowest = {}
    for case, result in results.items():
        for record in result["records"]:
            if record["kind"] == "comparison":
                for line in outcomes(record):
                    label = f"{case}: {record['label']}\nagainst {line['neighbor']}"
                    known = slowest.get(label, line)
                    if line["goal"] is not None and line["ratio"] <= known["ratio"]:
                        slowest[label] = line
    bars = list(slowest.items())
    if not bars:
        return None
    figure, ax = plt.subplots(figsize=(8, 1.3 + 0.42 * len(bars)), layout="constrained")
    for i, (_, line) in enumerate(bars):
        color = _COLOURS["met" if line["verdict"] == "met" else "other"]
        ax.barh(i, line["ratio"] - 1, left=1, height=0.6, color=color)
        ax.plot([line["goal"]] * 2, [i - 0.42, i + 0.42], color="black", lw=2)
        ax.annotate(
            f"{line['ratio']:.3g}",
            (max(line["ratio"], line["goal"], 1), i),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    ax.set_xscale("log")
    ax.axvline(1, color="black", lw=0.8)
    ax.margins(x=0.12)
    ax.set_ylim(len(bars) - 0.4, -0.6)
    ax.set_yticks(range(len(bars)), [label for label, _ in bars], fontsize=7.5)
    ax.set_xlabel("times as fast as the neighbor")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(
        handles=[
            Patch(color=_COLOURS["met"], label="goal met"),
            Patch(color=_COLOURS["other"], label="goal missed"),
            Line2D([], [], color="black", lw=2, label="goal"),
        ],
        loc="outside upper center",
        ncols=3,
        frameon=False,
        fontsize=8,
    )
    return figure


def curve_figure(results):
    """Time against rows and candidates, memory against fits.

    Returns
    -------
    matplotlib.figure.Figure or None
        None where no curve was measured.
    """
    curves = [
        record
        for result in results.values()
        for record in result["records"]
        if record["kind"] == "curve"
    ]
    if not curves:
        return None
    figure, axes = plt.subplots(2, 2, figsize=(8, 6), layout="constrained")
    for ax, (panel, (xlabel, ylabel, scale)) in zip(
        axes.flat, _PANELS.items(), strict=True
    ):
        for curve in curves:
            if curve["panel"] == panel:
                ax.plot(curve["x"], curve["y"], "o-", ms=4, label=curve["label"])
        ax.set(xlabel=xlabel, ylabel=ylabel, xscale=scale, yscale=scale)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        if ax.lines:
            ax.legend(frameon=False, fontsize=8)
        else:
            ax.set_visible(False)
    return figure
