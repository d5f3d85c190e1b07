"""TransferabilityDisplay: a ranking of backbones, and its correlation with accuracy."""

import numpy as np
from scipy.stats import kendalltau, weightedtau

from sktransfer._suggestions import did_you_mean
from sktransfer.plotting._matplotlib import set_axes
from sktransfer.plotting._style import BLUE, RED

_CANDIDATE = {"color": BLUE, "marker": "o", "linestyle": ""}
_CONTROL = {"color": RED, "marker": "D", "linestyle": "", "markerfacecolor": "white"}

# More names would overlap.
_MAX_NAMES = 15


class TransferabilityDisplay:
    """Ranking of backbones by a transferability score.

    Create it with :meth:`from_table`. Without measured accuracies it shows the scores,
    the best at the top, with a line at the better control. The pretrained weights of
    candidates to the left of the line do not help. With accuracies it shows accuracy
    as a function of score, and their rank correlation; up to 15 candidates are named.

    Parameters
    ----------
    candidates : list of str
        Names, the best first.
    scores : array-like of shape (n_candidates,)
        Scores; NaN where there is none.
    controls : array-like of shape (n_candidates,), bool
        Whether each candidate is a control.
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
        that have both. In the weighted one the best candidates count more [1]_. None
        without accuracies.

    See Also
    --------
    sktransfer.rank_backbones : Makes the table.

    References
    ----------
    .. [1] Vigna (2015). A Weighted Correlation Index for Rankings with Ties. WWW.
       arXiv:1404.3325

    Examples
    --------
    >>> from sktransfer import ResultsTable
    >>> from sktransfer.plotting import TransferabilityDisplay
    >>> table = ResultsTable(
    ...     [
    ...         {"candidate": "faces", "score": 0.9, "note": ""},
    ...         {"candidate": "raw inputs", "score": 0.7, "note": "control"},
    ...         {"candidate": "digits", "score": 0.6, "note": ""},
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
        """Plot a ranking.

        Parameters
        ----------
        table : ResultsTable or pandas.DataFrame
            The table of :func:`~sktransfer.rank_backbones`.
        accuracies : dict or None, default=None
            Accuracies of fine-tuned candidates, by name. Candidates may be missing.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        TransferabilityDisplay

        Raises
        ------
        ValueError
            When the table lacks a column, no candidate has a score, `accuracies` has
            an unknown name, or fewer than two candidates have a score and an accuracy.
        """
        columns = list(getattr(table, "columns", ()))
        missing = [c for c in ("candidate", "score", "note") if c not in columns]
        if missing:
            raise ValueError(
                f"table has no column {missing[0]!r}; expected the table of "
                "rank_backbones."
            )
        candidates = [str(name) for name in table["candidate"]]
        stds = None
        if "score_std" in columns:
            stds = np.array(table["score_std"], dtype=float)
        values = None
        if accuracies is not None:
            unknown = [name for name in accuracies if name not in candidates]
            if unknown:
                raise ValueError(
                    f"accuracies has {unknown[0]!r}, which is not a candidate of the "
                    f"table; expected names among {', '.join(map(repr, candidates))}."
                    f"{did_you_mean(unknown[0], candidates)}"
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
        """Plot the ranking.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        TransferabilityDisplay
        """
        scores = np.asarray(self.scores, dtype=float)
        if np.isnan(scores).all():
            raise ValueError(
                "scores are all NaN; expected at least one candidate with a score. The "
                "notes of the table say why there is none."
            )
        self.kendall_tau_ = self.weighted_tau_ = None
        if self.accuracies is None:
            ax = set_axes(self, ax, figsize=(6.4, 1.4 + 0.3 * len(scores)))
            self._draw_scores(ax, scores)
            return self
        accuracies = np.asarray(self.accuracies, dtype=float)
        both = ~np.isnan(scores + accuracies)
        if both.sum() < 2:
            raise ValueError(
                f"accuracies: {both.sum()} candidates have a score and an accuracy; "
                "expected at least 2."
            )
        pair = scores[both], accuracies[both]
        self.kendall_tau_ = float(kendalltau(*pair).statistic)
        self.weighted_tau_ = float(weightedtau(*pair).statistic)
        self._draw_accuracies(set_axes(self, ax), scores, accuracies, both)
        return self

    def _groups(self):
        """Yield label, mask and style of the candidates, then of the controls."""
        controls = np.asarray(self.controls, dtype=bool)
        yield "candidates", ~controls, _CANDIDATE
        if controls.any():
            yield "controls", controls, _CONTROL

    def _draw_scores(self, ax, scores):
        places = np.arange(len(scores))
        for label, mask, style in self._groups():
            stds = None
            if self.score_stds is not None:
                stds = np.asarray(self.score_stds)[mask]
            ax.errorbar(
                scores[mask], places[mask], xerr=stds, label=label, capsize=3, **style
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

    def _draw_accuracies(self, ax, scores, accuracies, both):
        for label, mask, style in self._groups():
            drawn = mask & both
            if drawn.any():
                ax.plot(scores[drawn], accuracies[drawn], label=label, **style)
        if both.sum() <= _MAX_NAMES:
            middle = (scores[both].min() + scores[both].max()) / 2
            for position, i in enumerate(np.flatnonzero(both)):
                # Toward the middle of the axes, above and below in turn.
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
