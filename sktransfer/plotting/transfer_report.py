"""TransferReportDisplay: learning curves of a transfer and its baselines."""

import numpy as np

from sktransfer._suggestions import did_you_mean
from sktransfer.plotting._matplotlib import set_axes
from sktransfer.plotting._style import BLACK, BLUE, GREEN, PURPLE, RED, SKY

# Colors that color-blind readers can distinguish, with different markers and lines.
_STYLES = [
    {"color": BLACK, "marker": "o", "linestyle": "-", "linewidth": 2.2},
    {"color": BLUE, "marker": "s", "linestyle": "--"},
    {"color": RED, "marker": "^", "linestyle": "-."},
    {"color": GREEN, "marker": "D", "linestyle": ":"},
    {"color": PURPLE, "marker": "v", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    {"color": SKY, "marker": "P", "linestyle": (0, (8, 2))},
]


class TransferReportDisplay:
    """Learning curves of a :class:`~sktransfer.transferability.TransferReport`.

    Create it with :meth:`from_report` or ``report.plot()``.

    Parameters
    ----------
    train_sizes : array-like of shape (n_sizes,)
        Numbers of training samples.
    scores : dict of ndarray of shape (n_splits, n_sizes)
        Scores of each model by its name, the evaluated one first; NaN where there is
        none.
    score_name : str
        Name of the score.
    label_saving : dict of dict
        Labels that the transfer saves, by the name of the baseline. The keys are size
        (the smallest training size), score (of the evaluated model at that size),
        labels (number of labels with which the baseline has this score) and
        labels_bound: "more than", "at most" or "".

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the curves.
    figure_ : matplotlib.figure.Figure
        The figure.
    lines_ : dict of matplotlib.container.ErrorbarContainer
        The curve of each model by its name: means, with standard deviations as bars.
    saving_ : list of matplotlib artists
        Arrow and text for the saved labels; empty when they are not marked.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.plotting import TransferReportDisplay
    >>> display = TransferReportDisplay(
    ...     train_sizes=[20, 100],
    ...     scores={
    ...         "transfer": np.array([[0.8, 0.9], [0.7, 0.9]]),
    ...         "scratch": np.array([[0.4, 0.9], [0.3, 0.8]]),
    ...     },
    ...     score_name="accuracy",
    ...     label_saving={},
    ... )
    >>> list(display.plot().lines_)
    ['transfer', 'scratch']
    """

    def __init__(self, *, train_sizes, scores, score_name, label_saving):
        self.train_sizes = train_sizes
        self.scores = scores
        self.score_name = score_name
        self.label_saving = label_saving

    @classmethod
    def from_report(cls, report, *, baseline="auto", ax=None):
        """Plot a report.

        Parameters
        ----------
        report : TransferReport
            The report; it may be incomplete.
        baseline : str or None, default="auto"
            Baseline for which the saved labels are marked; see :meth:`plot`.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        TransferReportDisplay
        """
        models = [report.name, *report.baselines]
        scores = {model: report.values(model) for model in models}
        smallest = report.train_sizes[0]
        saving = {
            row["baseline"]: {
                "size": int(smallest),
                "score": float(np.nanmean(scores[report.name][:, 0])),
                "labels": row["labels"],
                "labels_bound": row["labels_bound"],
            }
            for row in report.gains()
            if row["size"] == smallest and np.isfinite(row["labels"])
        }
        display = cls(
            train_sizes=report.train_sizes,
            scores=scores,
            score_name=report.scoring,
            label_saving=saving,
        )
        return display.plot(ax, baseline=baseline)

    def plot(self, ax=None, *, baseline="auto"):
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes a new figure.
        baseline : str or None, default="auto"
            Baseline for which the saved labels are marked, at the smallest training
            size. "auto" is the first baseline over which labels are saved; None marks
            nothing.

        Returns
        -------
        self : TransferReportDisplay

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        ValueError
            When `baseline` is not the name of a baseline.
        """
        baselines = list(self.scores)[1:]
        if baseline not in ("auto", None, *baselines):
            raise ValueError(
                f"baseline={baseline!r}; expected 'auto', None or one of {baselines}."
                f"{did_you_mean(baseline, baselines)}"
            )
        ax = set_axes(self, ax, figsize=(7, 4.6))
        sizes = np.asarray(self.train_sizes, dtype=float)
        is_log = sizes[-1] >= 4 * sizes[0]
        self.lines_ = {}
        for number, (model, values) in enumerate(self.scores.items()):
            has_scores = np.isfinite(values).any(axis=0)
            # Bars are side by side, so that they do not overlap.
            shift = number - (len(self.scores) - 1) / 2
            if is_log:
                x = sizes * 1.02**shift
            else:
                x = sizes + 0.01 * np.ptp(sizes) * shift
            self.lines_[model] = ax.errorbar(
                x[has_scores],
                np.nanmean(values[:, has_scores], axis=0),
                np.nanstd(values[:, has_scores], axis=0),
                label=model,
                capsize=3,
                elinewidth=1,
                markersize=6,
                zorder=3 if number == 0 else 2,
                **_STYLES[number % len(_STYLES)],
            )
        if is_log:
            ax.set_xscale("log")
        ax.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
        ax.minorticks_off()
        ax.set(xlabel="labeled training samples", ylabel=self.score_name)
        ax.grid(alpha=0.3)
        ax.legend(title="mean and standard\ndeviation over splits")
        self.saving_ = self._mark_saving(baseline)
        return self

    def _mark_saving(self, baseline):
        if baseline == "auto":
            savings = self.label_saving.items()
            saved = [name for name, s in savings if s["labels"] > s["size"]]
            baseline = saved[0] if saved else None
        if baseline not in self.label_saving:
            return []
        saving = self.label_saving[baseline]
        size, score, labels = saving["size"], saving["score"], saving["labels"]
        bound = saving["labels_bound"]
        is_at_edge = bound == "more than"
        arrow = self.ax_.annotate(
            "",
            (labels, score),
            (size, score),
            arrowprops={
                "arrowstyle": "->" if is_at_edge else "|-|",
                "mutation_scale": 8,
                "color": "#444444",
                "linewidth": 1.4,
                "shrinkA": 0,
                "shrinkB": 0,
            },
            zorder=4,
        )
        text = self.ax_.annotate(
            " ".join(filter(None, (baseline, "needs", bound, f"{labels:.0f}"))),
            (labels, score),
            (0, -5) if is_at_edge else (7, 0),
            textcoords="offset points",
            ha="right" if is_at_edge else "left",
            va="top" if is_at_edge else "center",
            size="small",
            bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 1},
            zorder=4,
        )
        return [arrow, text]
