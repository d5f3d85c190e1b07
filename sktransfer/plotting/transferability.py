"""TransferabilityDisplay: the ranking of backbones, and whether it was right."""

import numpy as np
from scipy.stats import kendalltau, weightedtau

from sktransfer._results_table import Table
from sktransfer.plotting._matplotlib import axes_or_new
from sktransfer.plotting._style import BLUE, RED

_CANDIDATE = {"color": BLUE, "marker": "o", "linestyle": ""}
_CONTROL = {"color": RED, "marker": "D", "linestyle": "", "markerfacecolor": "white"}

# More names would cover each other.
_NAMED = 15


class TransferabilityDisplay:
    """Ranking of backbones by a score of transferability.

    Use :meth:`from_table` to make one. Without measured accuracies it draws the scores,
    the best at the top, and a line at the better control: candidates to the left of it
    have learned nothing that helps. With accuracies it draws them against the scores,
    and tells how well the one order foretells the other; up to 15 candidates are named.

    Parameters
    ----------
    candidates : list of str
        Names, the best first.
    scores : array-like of shape (n_candidates,)
        Scores; NaN where there is none.
    controls : array-like of shape (n_candidates,), bool
        Which candidates are controls.
    score_stds : array-like of shape (n_candidates,) or None, default=None
        Standard deviations of the scores.
    accuracies : array-like of shape (n_candidates,) or None, default=None
        Measured accuracies; NaN where there is none.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    kendall_tau_, weighted_tau_ : float or None
        Rank correlation of scores and accuracies, between -1 and 1, over the candidates
        that have both; in the weighted one an exchange among the best matters more
        [1]_. None without accuracies.

    See Also
    --------
    sktransfer.transferability.rank_backbones : Makes the table.

    References
    ----------
    .. [1] Vigna (2015). A Weighted Correlation Index for Rankings with Ties. WWW.
       arXiv:1404.3325

    Examples
    --------
    >>> from sktransfer.plotting import TransferabilityDisplay
    >>> from sktransfer.transferability import Table
    >>> notes = {"faces": "", "raw inputs": "control", "digits": ""}
    >>> scores = [0.9, 0.7, 0.6]
    >>> table = Table(
    ...     [
    ...         {"candidate": name, "score": score, "note": note}
    ...         for score, (name, note) in zip(scores, notes.items(), strict=True)
    ...     ]
    ... )
    >>> accuracies = {"faces": 0.95, "raw inputs": 0.8, "digits": 0.85}
    >>> display = TransferabilityDisplay.from_table(table, accuracies=accuracies)
    >>> round(display.kendall_tau_, 2)
    0.33
    """

    def __init__(
        self, *, candidates, scores, controls, score_stds=None, accuracies=None
    ):
        self.candidates = candidates
        self.scores = scores
        self.controls = controls
        self.score_stds = score_stds
        self.accuracies = accuracies

    @classmethod
    def from_table(cls, table, *, accuracies=None, ax=None):
        """Draw a ranking.

        Parameters
        ----------
        table : pandas.DataFrame or Table
            From :func:`~sktransfer.transferability.rank_backbones`.
        accuracies : dict or None, default=None
            Accuracies of the fine-tuned candidates by their names. Not all need have
            one.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        TransferabilityDisplay

        Raises
        ------
        ValueError
            When the table is of another kind, no candidate has a score, `accuracies`
            names a candidate that the table has not, or fewer than two candidates have
            both.
        """
        if isinstance(table, Table):
            table = {name: [row[name] for row in table] for name in table[0]}
        absent = [c for c in ("candidate", "score", "note") if c not in table]
        if absent:
            raise ValueError(
                f"table has no column {absent[0]!r}; expected that of rank_backbones."
            )
        candidates = [str(name) for name in table["candidate"]]
        stds = None
        if "score_std" in table:
            stds = np.array(table["score_std"], dtype=float)
        values = None
        if accuracies is not None:
            unknown = [name for name in accuracies if name not in candidates]
            if unknown:
                raise ValueError(
                    f"accuracies has {unknown[0]!r}, which is no candidate of the "
                    f"table; expected names among {', '.join(map(repr, candidates))}."
                )
            values = np.array(
                [accuracies.get(name, np.nan) for name in candidates], dtype=float
            )
        return cls(
            candidates=candidates,
            scores=np.array(table["score"], dtype=float),
            controls=np.array([note.startswith("control") for note in table["note"]]),
            score_stds=stds,
            accuracies=values,
        ).plot(ax)

    def plot(self, ax=None):
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        TransferabilityDisplay
        """
        scores = np.asarray(self.scores, dtype=float)
        if np.isnan(scores).all():
            raise ValueError(
                "scores are all NaN; expected at least one candidate with a score. The "
                "table's notes say what went wrong."
            )
        self.kendall_tau_ = self.weighted_tau_ = None
        if self.accuracies is None:
            draw = self._draw_scores
        else:
            accuracies = np.asarray(self.accuracies, dtype=float)
            both = ~np.isnan(scores) & ~np.isnan(accuracies)
            if both.sum() < 2:
                raise ValueError(
                    f"accuracies: {both.sum()} candidates have a score and an "
                    "accuracy; expected at least 2."
                )
            pair = scores[both], accuracies[both]
            self.kendall_tau_ = float(kendalltau(*pair).statistic)
            self.weighted_tau_ = float(weightedtau(*pair).statistic)
            draw = self._draw_accuracies
        size = None
        if self.accuracies is None:
            size = (6.4, 1.4 + 0.3 * len(scores))
        ax = axes_or_new(ax, figsize=size)
        self.ax_, self.figure_ = ax, ax.figure
        draw(ax, scores)
        return self

    def _groups(self):
        """Rows and style of the candidates, then of the controls."""
        controls = np.asarray(self.controls, dtype=bool)
        yield "candidates", ~controls, _CANDIDATE
        if controls.any():
            yield "controls", controls, _CONTROL

    def _draw_scores(self, ax, scores):
        places = np.arange(len(scores))
        for label, rows, style in self._groups():
            stds = None
            if self.score_stds is not None:
                stds = np.asarray(self.score_stds)[rows]
            ax.errorbar(
                scores[rows], places[rows], xerr=stds, label=label, capsize=3, **style
            )
        controls = scores[np.asarray(self.controls, dtype=bool)]
        if not np.isnan(controls).all():
            ax.axvline(np.nanmax(controls), color=RED, linestyle="--", linewidth=1)
        for place in places[np.isnan(scores)]:
            ax.annotate(
                "no score",
                (0.02, place),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize="small",
                style="italic",
            )
        ax.set_yticks(places, self.candidates)
        ax.set_ylim(len(places) - 0.5, -0.5)
        ax.set_xlabel("score")
        ax.grid(axis="y", alpha=0.3)
        ax.legend()

    def _draw_accuracies(self, ax, scores):
        accuracies = np.asarray(self.accuracies, dtype=float)
        both = ~np.isnan(scores) & ~np.isnan(accuracies)
        for label, rows, style in self._groups():
            if (rows & both).any():
                ax.plot(
                    scores[rows & both], accuracies[rows & both], label=label, **style
                )
        if both.sum() <= _NAMED:
            middle = (scores[both].min() + scores[both].max()) / 2
            for position, i in enumerate(np.flatnonzero(both)):
                # To the side where there is room; neighbors above and below.
                left = scores[i] > middle
                ax.annotate(
                    self.candidates[i],
                    (scores[i], accuracies[i]),
                    (-5 if left else 5, -4 if position % 2 else 4),
                    textcoords="offset points",
                    ha="right" if left else "left",
                    va="top" if position % 2 else "bottom",
                    fontsize="x-small",
                )
        ax.set(xlabel="score", ylabel="accuracy")
        ax.legend(
            title=f"Kendall's tau {self.kendall_tau_:.2f}, "
            f"weighted {self.weighted_tau_:.2f}"
        )
