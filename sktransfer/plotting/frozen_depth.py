"""FrozenDepthDisplay: how a search's score depends on the frozen depth."""

import numbers

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sktransfer.plotting._matplotlib import axes_or_new
from sktransfer.plotting._style import BLUE


class FrozenDepthDisplay:
    """Score of a search against the frozen depth.

    Use :meth:`from_search` to make one. It draws a curve, or, with a second parameter,
    a heat map, on which the best is framed. What else the search varies is at its best
    everywhere.

    Parameters
    ----------
    frozen_depths : list
        Depths that were tried, from the input on: numbers, those counted from the
        end, then "all".
    scores : ndarray of shape (n_depths,) or (n_values, n_depths)
        Mean score over splits of the best candidate with that depth, and that value of
        the second parameter; NaN where there is none.
    stds : ndarray of the same shape
        Its standard deviation over splits.
    by : str or None, default=None
        Name of the second parameter.
    by_values : list or None, default=None
        Its values.
    others : list of str, default=()
        Names of other parameters that the search varies.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    line_ : ErrorbarContainer or None
        The curve.
    image_ : AxesImage or None
        The heat map.

    See Also
    --------
    TrainingCurveDisplay : Of one fit.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sktransfer import TransferClassifier
    >>> from sktransfer.plotting import FrozenDepthDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> source = TransferClassifier("mlp", epochs=3, random_state=0).fit(
    ...     X[:900], y[:900]
    ... )
    >>> clf = TransferClassifier(source.backbone_, epochs=2, random_state=0)
    >>> search = GridSearchCV(clf, {"frozen_depth": ["all", 0]}, cv=2)
    >>> search = search.fit(X[900:1000], y[900:1000])
    >>> FrozenDepthDisplay.from_search(search).frozen_depths
    [0, 'all']
    """

    def __init__(
        self, *, frozen_depths, scores, stds, by=None, by_values=None, others=()
    ):
        self.frozen_depths = frozen_depths
        self.scores = scores
        self.stds = stds
        self.by = by
        self.by_values = by_values
        self.others = others

    @classmethod
    def from_search(cls, search, *, by=None, ax=None):
        """Draw the outcome of a search.

        Parameters
        ----------
        search : GridSearchCV or RandomizedSearchCV
            Fitted; it varied ``frozen_depth``, of a step of a pipeline too. With
            several metrics, the one in its `refit` is drawn.
        by : str or None, default=None
            Name of a second parameter, such as "learning_rate", with or without that of
            the step.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        FrozenDepthDisplay

        Raises
        ------
        ValueError
            When the search is not fitted (NotFittedError), did not vary
            ``frozen_depth`` or `by`, or has several metrics and none to refit by.
        """
        check_is_fitted(search)
        candidates = search.cv_results_["params"]
        names = sorted({name for candidate in candidates for name in candidate})
        depth_name = _find("frozen_depth", names, "search")
        by_name = None if by is None else _find(by, names, "by")
        if by_name == depth_name:
            raise ValueError(f"by={by!r} is the frozen depth; expected another name.")
        metric = search.refit if search.multimetric_ else "score"
        if not isinstance(metric, str):
            raise ValueError(
                f"search has several metrics and refit={metric!r}; expected the name "
                "of the metric to draw."
            )
        means = search.cv_results_[f"mean_test_{metric}"]
        stds = search.cv_results_[f"std_test_{metric}"]
        depths = _depths(candidates, depth_name)
        values = [None] if by is None else _values(candidates, by_name)
        shape = len(values), len(depths)
        best, spread = np.full(shape, np.nan), np.full(shape, np.nan)
        for candidate, mean, std in zip(candidates, means, stds, strict=True):
            if depth_name not in candidate or (by and by_name not in candidate):
                continue
            cell = (
                0 if by is None else _index(values, candidate[by_name]),
                _index(depths, candidate[depth_name]),
            )
            # NaN, of a fit that failed, is greater than nothing.
            if mean > best[cell] or (np.isnan(best[cell]) and not np.isnan(mean)):
                best[cell], spread[cell] = mean, std
        if by is None:
            best, spread, values = best[0], spread[0], None
        return cls(
            frozen_depths=depths,
            scores=best,
            stds=spread,
            by=by_name,
            by_values=values,
            others=[
                name
                for name in names
                if name not in (depth_name, by_name)
                and len(_values(candidates, name)) > 1
            ],
        ).plot(ax)

    def plot(self, ax=None):
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        FrozenDepthDisplay
        """
        ax = axes_or_new(ax)
        self.ax_, self.figure_ = ax, ax.figure
        self.line_ = self.image_ = None
        suffix = ""
        if self.others:
            names = ", ".join(map(_short, self.others))
            suffix = f"\nwith the best {names}"
        if self.by is None:
            self.line_ = ax.errorbar(
                range(len(self.scores)),
                self.scores,
                self.stds,
                color=BLUE,
                marker="o",
                capsize=3,
            )
            ax.set_ylabel("test score, mean ± std over splits" + suffix)
            ax.grid(alpha=0.3)
        else:
            self._draw_map(ax, "mean test score" + suffix)
        ax.set_xticks(range(len(self.frozen_depths)), map(_text, self.frozen_depths))
        ax.set_xlabel("frozen depth")
        return self

    def _draw_map(self, ax, label):
        scores = np.ma.masked_invalid(self.scores)
        self.image_ = image = ax.imshow(scores, cmap="cividis", aspect="auto")
        self.figure_.colorbar(image, ax=ax, label=label)
        for cell, score in np.ndenumerate(self.scores):
            if np.isnan(score):
                continue
            # The dark half of the map needs light figures.
            light = image.norm(score) < 0.5 and image.norm.vmin < image.norm.vmax
            ax.annotate(
                f"{score:.3f}",
                cell[::-1],
                ha="center",
                va="center",
                fontsize="small",
                color="white" if light else "black",
            )
        if scores.count():
            row, column = np.unravel_index(np.argmax(scores), scores.shape)
            ax.add_patch(_frame(column, row))
        ax.set_yticks(range(len(self.by_values)), map(_text, self.by_values))
        ax.set_ylabel(_short(self.by).replace("_", " "))


def _find(name, names, parameter):
    """Find a parameter in the names that a search varies."""
    found = [n for n in names if n == name or n.endswith(f"__{name}")]
    if len(found) != 1:
        problem = "varied no" if not found else "varied more than one"
        raise ValueError(
            f"{parameter}: the search {problem} {name!r}; it varied "
            f"{', '.join(map(repr, names))}."
        )
    return found[0]


def _depths(candidates, name):
    """Sort depths: numbers, negative numbers, names of layers, then "all"."""

    def place(depth):
        if isinstance(depth, str):
            return np.inf, depth == "all"
        return depth < 0, depth

    return sorted(_values(candidates, name), key=place)


def _values(candidates, name):
    """Distinct values of a parameter: in order if they are numbers, else as found."""
    values = []
    for candidate in candidates:
        if name in candidate and _index(values, candidate[name]) is None:
            values.append(candidate[name])
    if all(isinstance(value, numbers.Real) for value in values):
        return sorted(values)
    return values


def _index(values, value):
    """Position of a value, or None; 1 layer and the fraction 1.0 are not the same."""
    for position, other in enumerate(values):
        same = type(other) is type(value) and bool(np.all(other == value))
        if other is value or same:
            return position
    return None


def _text(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _short(name):
    """A parameter's name without that of its step."""
    return name.rsplit("__", 1)[-1]


def _frame(column, row):
    from matplotlib.patches import Rectangle

    return Rectangle(
        (column - 0.47, row - 0.47), 0.94, 0.94, fill=False, edgecolor="black", lw=2.5
    )
