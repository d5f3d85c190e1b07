"""FrozenDepthDisplay: the score of a search as a function of the frozen depth."""

import numbers

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sktransfer._suggestions import did_you_mean
from sktransfer.plotting._matplotlib import import_pyplot, set_axes
from sktransfer.plotting._style import BLUE


class FrozenDepthDisplay:
    """Score of a search as a function of the frozen depth.

    Create it with :meth:`from_estimator`. It is a curve; with a second parameter it is
    a heat map with a frame around the best score. Other parameters of the search have
    their best values everywhere.

    Parameters
    ----------
    frozen_depths : list
        Depths, ordered from the input: numbers, negative numbers, then "all".
    scores : ndarray of shape (n_depths,) or (n_values, n_depths)
        Mean score over splits of the best candidate with that depth and that value of
        the second parameter; NaN where there is none.
    stds : ndarray of the same shape
        Standard deviation of the score over splits.
    by : str or None, default=None
        Name of the second parameter.
    by_values : list or None, default=None
        Values of the second parameter.
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
    TrainingCurveDisplay : Loss and scores of one fit.

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
    >>> FrozenDepthDisplay.from_estimator(search).frozen_depths
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
    def from_estimator(cls, search, *, by=None, ax=None):
        """Plot the scores of a search.

        Parameters
        ----------
        search : GridSearchCV or RandomizedSearchCV
            Fitted search over ``frozen_depth``, also as a parameter of a pipeline's
            step. With several metrics, it plots the one that is named by `refit`.
        by : str or None, default=None
            Name of a second parameter, such as "learning_rate". The name of the step
            may be left out.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        FrozenDepthDisplay

        Raises
        ------
        ValueError
            When the search is not fitted (NotFittedError), does not vary
            ``frozen_depth`` or `by`, or has several metrics and `refit` names none.
        """
        check_is_fitted(search)
        candidates = search.cv_results_["params"]
        names = sorted({name for candidate in candidates for name in candidate})
        depth_name = _full_name("frozen_depth", names, "search")
        by_name = None if by is None else _full_name(by, names, "by")
        if by_name == depth_name:
            raise ValueError(f"by={by!r} is the frozen depth; expected another name.")
        metric = search.refit if search.multimetric_ else "score"
        if not isinstance(metric, str):
            raise ValueError(
                f"search has several metrics and refit={metric!r}; expected the name "
                "of the metric to plot."
            )
        varied = [name for name in names if len(_values(candidates, name)) > 1]
        depths = _depths(candidates, depth_name)
        values = [None] if by is None else _values(candidates, by_name)
        scores, stds = np.full((2, len(values), len(depths)), np.nan)
        means = search.cv_results_[f"mean_test_{metric}"]
        deviations = search.cv_results_[f"std_test_{metric}"]
        for candidate, mean, std in zip(candidates, means, deviations, strict=True):
            if depth_name not in candidate or (by and by_name not in candidate):
                continue
            row = _index(values, candidate.get(by_name))
            cell = row, _index(depths, candidate[depth_name])
            # A failed fit has NaN, which is not greater than any number.
            if mean > np.nan_to_num(scores[cell], nan=-np.inf):
                scores[cell], stds[cell] = mean, std
        if by is None:
            (scores,), (stds,), values = scores, stds, None
        return cls(
            frozen_depths=depths,
            scores=scores,
            stds=stds,
            by=by_name,
            by_values=values,
            others=[name for name in varied if name not in (depth_name, by_name)],
        ).plot(ax)

    def plot(self, ax=None):
        """Plot the scores.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        FrozenDepthDisplay
        """
        ax = set_axes(self, ax)
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
            # Dark colors need light text.
            is_dark = image.norm(score) < 0.5 and image.norm.vmin < image.norm.vmax
            ax.annotate(
                f"{score:.3f}",
                cell[::-1],
                ha="center",
                va="center",
                fontsize="small",
                color="white" if is_dark else "black",
            )
        if scores.count():
            row, column = np.unravel_index(np.argmax(scores), scores.shape)
            style = {"fill": False, "edgecolor": "black", "lw": 2.5}
            corner = column - 0.47, row - 0.47
            ax.add_patch(import_pyplot().Rectangle(corner, 0.94, 0.94, **style))
        ax.set_yticks(range(len(self.by_values)), map(_text, self.by_values))
        ax.set_ylabel(_short(self.by).replace("_", " "))


def _full_name(name, names, parameter):
    """Return the name of a parameter with the names of its steps."""
    matches = [n for n in names if n == name or n.endswith(f"__{name}")]
    if len(matches) != 1:
        problem = "does not vary" if not matches else "varies more than one"
        raise ValueError(
            f"{parameter}: the search {problem} {name!r}; it varies "
            f"{', '.join(map(repr, names))}.{did_you_mean(name, map(_short, names))}"
        )
    return matches[0]


def _depths(candidates, name):
    """Sort depths: numbers, negative numbers, names of layers, then "all"."""

    def rank(depth):
        if isinstance(depth, str):
            return np.inf, depth == "all"
        return depth < 0, depth

    return sorted(_values(candidates, name), key=rank)


def _values(candidates, name):
    """Return the distinct values of a parameter; numbers are sorted."""
    values = []
    for candidate in candidates:
        if name in candidate and _index(values, candidate[name]) is None:
            values.append(candidate[name])
    if all(isinstance(value, numbers.Real) for value in values):
        return sorted(values)
    return values


def _index(values, value):
    """Return the position of a value, or None; 1 layer and the fraction 1.0 differ."""
    for position, other in enumerate(values):
        is_equal = type(other) is type(value) and bool(np.all(other == value))
        if other is value or is_equal:
            return position
    return None


def _text(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _short(name):
    """Return the name of a parameter without the names of its steps."""
    return name.rsplit("__", 1)[-1]
