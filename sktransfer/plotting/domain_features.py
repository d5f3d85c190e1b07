"""DomainFeaturesDisplay: where the rows of each domain and class lie."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils.validation import _num_samples, column_or_1d

from sktransfer._inputs.domains import check_sample_domain, is_unlabeled
from sktransfer.backbones.backbone import Backbone
from sktransfer.features import BackboneFeatures
from sktransfer.plotting._estimators import last_step
from sktransfer.plotting._matplotlib import axes_or_new
from sktransfer.plotting._style import class_colors

_SOURCE_MARKERS, _TARGET_MARKERS = "osD^v", "x+1234"
_UNLABELLED = "#777777"


class DomainFeaturesDisplay:
    """Features of the rows of several domains in the plane.

    Use :meth:`from_estimator` to make one. Classes have colors, and their names stand
    at their medians over the source; domains have markers. Where adapting has worked,
    the rows of the target lie with those of their class. Distances between classes say
    little: of many dimensions two are seen.

    Parameters
    ----------
    points : dict of str to ndarray of shape (n_samples, 2)
        For each panel its title and where the rows lie.
    labels : ndarray of shape (n_samples,)
        Classes; None, NaN or -1 where it is not known.
    sample_domain : ndarray of shape (n_samples,), int
        0 or more for rows of a source, less than 0 for rows of a target.

    Attributes
    ----------
    ax_ : matplotlib Axes, or ndarray of them
        One for each panel.
    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    TrainingCurveDisplay : Loss and scores of the fit.

    Examples
    --------
    >>> from sktransfer import DomainAdaptedClassifier
    >>> from sktransfer.datasets import make_shifted_classification
    >>> from sktransfer.plotting import DomainFeaturesDisplay
    >>> X, y, sample_domain = make_shifted_classification(random_state=0)
    >>> clf = DomainAdaptedClassifier(method="dan", epochs=2, random_state=0)
    >>> clf = clf.fit(X, y, sample_domain=sample_domain)
    >>> display = DomainFeaturesDisplay.from_estimator(
    ...     clf, X, y, sample_domain=sample_domain
    ... )
    >>> display.points["features"].shape == (len(X), 2)
    True
    """

    def __init__(self, *, points, labels, sample_domain):
        self.points = points
        self.labels = labels
        self.sample_domain = sample_domain

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        sample_domain,
        before=None,
        projection=None,
        ax=None,
    ):
        """Draw the features that an estimator computes.

        Parameters
        ----------
        estimator : estimator or Backbone
            A fitted `DomainAdaptedClassifier` or `TransferClassifier`, a fitted
            pipeline or search that ends in one, or a network.
        X : array-like of shape (n_samples, ...)
            Rows of all domains.
        y : array-like of shape (n_samples,) or None, default=None
            Classes, which give the colors; rows with None, NaN, or -1 where that is
            not a class of the source, are grey. With None those that the estimator
            predicts are drawn.
        sample_domain : array-like of shape (n_samples,)
            Which domain each row is of: 0 or more for a source, less than 0 for a
            target.
        before : estimator or Backbone, default=None
            Another one to be drawn on the left, such as the network before adapting, or
            one fitted with ``method="source_only"``.
        projection : transformer or None, default=None
            From features to two columns, such as
            :class:`~sklearn.manifold.TSNE`; its ``fit_transform`` is called for each
            panel. None is :class:`~sklearn.decomposition.PCA`.
        ax : matplotlib Axes or array of two or None, default=None
            Where to draw, two with `before`; None makes a new figure.

        Returns
        -------
        DomainFeaturesDisplay

        Raises
        ------
        ValueError
            When an estimator is not fitted (NotFittedError), lengths differ, or the
            projection does not give two columns.
        TypeError
            When an estimator has no backbone, or y is None with a Backbone.
        """
        networks = {"features": estimator}
        if before is not None:
            networks = {"before": before, "after": estimator}
        domains = check_sample_domain(sample_domain, X)
        if y is None:
            if isinstance(estimator, Backbone):
                raise TypeError(
                    "y=None with a Backbone, which predicts no classes; pass them, or "
                    "a fitted estimator."
                )
            y = estimator.predict(X)
        y = column_or_1d(y)
        if len(y) != _num_samples(X):
            raise ValueError(
                f"y has {len(y)} labels for {_num_samples(X)} rows of X; it needs one "
                "for each row."
            )
        points = {}
        for title, network in networks.items():
            features = _features(network, X)
            found = (projection or PCA(2)).fit_transform(features)
            if found.shape != (len(y), 2):
                raise ValueError(
                    f"projection={projection!r} gives the shape {found.shape}; "
                    f"expected two columns, ({len(y)}, 2)."
                )
            points[title] = found
        return cls(points=points, labels=y, sample_domain=domains).plot(ax)

    def plot(self, ax=None):
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes or array of two or None, default=None
            Where to draw, as many as there are panels; None makes a new figure.

        Returns
        -------
        DomainFeaturesDisplay
        """
        n_panels = len(self.points)
        ax = axes_or_new(ax, ncols=n_panels, figsize=(1 + 4.4 * n_panels, 5))
        all_axes = np.ravel(ax)
        if len(all_axes) != n_panels:
            raise ValueError(
                f"ax has {len(all_axes)} axes for {n_panels} panels; expected one for "
                "each."
            )
        self.ax_, self.figure_ = ax, all_axes[0].figure
        for axes, (title, points) in zip(all_axes, self.points.items(), strict=True):
            self._draw(axes, points)
            axes.set(title=title, xticks=[], yticks=[])
        all_axes[0].legend(handles=self._legend(), fontsize="small")
        return self

    def _domains(self):
        """Value, name and marker of each domain, sources first."""
        values = np.unique(self.sample_domain)
        for name, some, markers in (
            ("source", values[values >= 0], _SOURCE_MARKERS),
            ("target", values[values < 0][::-1], _TARGET_MARKERS),
        ):
            for position, value in enumerate(some):
                marker = markers[position % len(markers)]
                yield value, name if len(some) == 1 else f"{name} {value}", marker

    def _draw(self, axes, points):
        labels = np.asarray(self.labels)
        known = self._known(labels)
        classes = np.unique(labels[known])
        groups = [(labels == c, color) for c, color in _colored(classes)]
        if not known.all():
            groups.insert(0, (~known, _UNLABELLED))
        for value, name, marker in self._domains():
            of_domain = self.sample_domain == value
            style = {"marker": marker, "label": name, "s": 26, "linewidths": 1.1}
            if value >= 0:
                style |= {"s": 14, "alpha": 0.35, "linewidths": 0}
            for rows, color in groups:
                place = points[rows & of_domain]
                if len(place):
                    axes.scatter(*place.T, color=[color], **style)
        for c in classes:
            rows = labels == c
            if (rows & (self.sample_domain >= 0)).any():
                rows &= self.sample_domain >= 0
            axes.text(
                *np.median(points[rows], axis=0),
                str(c),
                weight="bold",
                ha="center",
                va="center",
                bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "#999999"},
            )

    def _known(self, labels):
        """Tell which labels are known; -1 is one if it is a class of the source."""
        known = ~is_unlabeled(labels)
        if not (labels[self.sample_domain >= 0] == -1).any():
            known &= labels != -1
        return known

    def _legend(self):
        from matplotlib.lines import Line2D

        return [
            Line2D([], [], marker=marker, linestyle="", color=_UNLABELLED, label=name)
            for _, name, marker in self._domains()
        ]


def _colored(classes):
    return zip(classes, class_colors(len(classes)), strict=True)


def _features(network, X):
    """Compute features with a network or the last step of an estimator."""
    if not isinstance(network, Backbone):
        steps, estimator = last_step(network)
        if steps is not None:
            X = steps.transform(X)
        if not hasattr(estimator, "backbone_"):
            raise TypeError(
                f"{type(estimator).__name__} has no backbone_; expected a fitted "
                "DomainAdaptedClassifier, TransferClassifier or Backbone."
            )
        network = estimator.backbone_
    return BackboneFeatures(network).fit_transform(X)
