"""The log loss of the methods against the number of training rows, as a figure."""

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from tabular_cases.methods import METHODS, OURS
from tabular_cases.splits import ALL_ROWS
from tabular_cases.standing import Standing

_COLORS = {
    "logistic": "#88ccee",
    "logistic-tuned": "#4477aa",
    "forest": "#228833",
    "boosting": "#ddaa33",
    "boosting-tuned": "#aa6600",
    "mlp": "#bbbbbb",
    "mlp-stopped": "#777777",
    "transfer-mlp": "#ee99aa",
    "tabular": "#cc3377",
    "tabular-random": "#ccbbcc",
    "auto": "#000000",
    "realmlp": "#7755bb",
    "tabm": "#5522aa",
}
_MARKERS = "osD^vP"
_WIDTH, _HEIGHT = 10.5, 4.6


def log_loss_by_rows(results):
    """Draw the mean log loss and its mean rank.

    Parameters
    ----------
    results : Results
        Of the fits. The tables and splits count on which every method of a size has a
        result, and of them the tables that are there at each size.

    Returns
    -------
    Figure
        Two panels beside each other. Our methods have thick lines.
    """
    standings = {size: Standing(results, size) for size in results.sizes()}
    tables = [set(found.tables) for found in standings.values()]
    common = set.intersection(*tables) if tables else set()
    standings = {size: Standing(results, size, common) for size in standings}
    figure = Figure((_WIDTH, _HEIGHT), layout="constrained")
    losses, ranks = figure.subplots(1, 2)
    means = {size: found.means("log_loss") for size, found in standings.items()}
    _draw(losses, means)
    losses.set_ylabel("mean log loss")
    means = {
        size: dict(zip(found.methods, found.ranks(), strict=True))
        for size, found in standings.items()
    }
    _draw(ranks, means)
    ranks.set_ylabel("mean rank of the log loss (1 is the best)")
    ranks.invert_yaxis()
    handles, names = losses.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", frameon=False)
    figure.suptitle(f"Means over {len(common)} tables")
    return figure


def _draw(axes, means):
    """Draw a line for each method from means by size and method."""
    for i, method in enumerate(METHODS):
        line = {size: known[method] for size, known in means.items() if method in known}
        if line:
            axes.plot(
                *(list(line), list(line.values())),
                label=method,
                color=_COLORS[method],
                linewidth=3 if method in OURS else 1.5,
                marker=_MARKERS[i % len(_MARKERS)],
                markersize=5,
            )
    axes.set_xscale("log")
    names = [f"{'up to ' * (size == ALL_ROWS)}{size:,}" for size in means]
    axes.set_xticks(list(means), names)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("training rows")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
