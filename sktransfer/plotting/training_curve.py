"""TrainingCurveDisplay: loss and scores by epoch."""

import numpy as np

from sktransfer._pipelines import final_estimator
from sktransfer.plotting._matplotlib import set_axes
from sktransfer.plotting._style import BLACK, BLUE, GREEN, PURPLE, RED

# Label, color, line style and marker of each value of a history, on the left axis and
# on the right axis.
_LOSSES = {
    "loss": ("training loss", BLACK, "-", "o"),
    "val_loss": ("validation loss", BLUE, "--", "s"),
    "alignment_loss": ("alignment loss", GREEN, "-.", "D"),
}
_SCORES = {
    "val_accuracy": ("validation accuracy", RED, ":", "^"),
    "domain_accuracy": ("domain accuracy", PURPLE, (0, (6, 2, 1, 2, 1, 2)), "v"),
}
_MAX_MARKERS = 20


class TrainingCurveDisplay:
    """Loss and scores of a fit by epoch, with the stages of its recipe.

    Create it with :meth:`from_estimator`. Accuracies, if the fit has any, are on the
    right axis. A stage that is not trained in epochs is a single point.

    Parameters
    ----------
    history : dict of list
        ``history_`` of a fitted estimator.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the losses.
    score_ax_ : matplotlib Axes or None
        Axes of the accuracies, if there are any.
    figure_ : matplotlib Figure
        The figure.
    lines_ : dict of str to matplotlib Line2D
        The lines, by the name in the history.

    See Also
    --------
    FrozenDepthDisplay : Scores of a search.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktransfer import TransferClassifier
    >>> from sktransfer.plotting import TrainingCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = TransferClassifier("mlp", epochs=5, early_stopping=True, random_state=0)
    >>> display = TrainingCurveDisplay.from_estimator(clf.fit(X, y))
    >>> list(display.lines_)
    ['loss', 'val_loss', 'val_accuracy']
    """

    def __init__(self, *, history):
        self.history = history

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Plot the training of an estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted `TransferClassifier` or `DomainAdaptedClassifier`, or a fitted
            pipeline or search that ends in one.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        ValueError
            When the estimator is not fitted (NotFittedError).
        TypeError
            When it has no history.
        """
        _, final = final_estimator(estimator)
        if not hasattr(final, "history_"):
            raise TypeError(
                f"estimator ends in {type(final).__name__}, which has no history_; "
                "expected a TransferClassifier or a DomainAdaptedClassifier."
            )
        return cls(history=final.history_).plot(ax)

    def plot(self, ax=None):
        """Plot the history.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        TrainingCurveDisplay
        """
        ax = set_axes(self, ax)
        self.score_ax_, self.lines_ = None, {}
        self._draw(ax, _LOSSES)
        ax.set(xlabel="epoch", ylabel="loss")
        if any(name in self.history for name in _SCORES):
            self.score_ax_ = ax.twinx()
            self._draw(self.score_ax_, _SCORES)
            self.score_ax_.set(ylabel="accuracy", ylim=(-0.03, 1.03))
        ax.xaxis.get_major_locator().set_params(integer=True)
        self._mark_stages(ax)
        # Below the axes, where it covers no line.
        ax.legend(
            handles=list(self.lines_.values()),
            loc="upper center",
            bbox_to_anchor=(0.5, -0.13),
            ncols=3,
            frameon=False,
            fontsize="small",
        )
        return self

    def _draw(self, ax, names):
        for name, (label, color, linestyle, marker) in names.items():
            if name in self.history:
                # The value is None in stages that do not have it.
                values = np.array(self.history[name], dtype=float)
                epochs = np.arange(1, len(values) + 1)
                every = max(1, len(values) // _MAX_MARKERS)
                (self.lines_[name],) = ax.plot(
                    epochs,
                    values,
                    label=label,
                    color=color,
                    linestyle=linestyle,
                    marker=marker,
                    markevery=every,
                    markersize=4,
                )

    def _mark_stages(self, ax):
        """Draw a line before each stage except the first, and names above the axes."""
        stages = self.history["stage"]
        starts = [i for i, name in enumerate(stages) if i == 0 or name != stages[i - 1]]
        for row, start in enumerate(starts):
            if start:
                ax.axvline(start + 0.5, color="#777777", linestyle=":", linewidth=1)
            ax.annotate(
                stages[start],
                (start + 0.5 if start else 0, 1),
                # On two lines, so that the names of short stages do not overlap.
                (2, 3 + 9 * (row % 2)),
                xycoords=("data" if start else "axes fraction", "axes fraction"),
                textcoords="offset points",
                fontsize="small",
            )
