"""DomainFeaturesDisplay: the features of all domains in the plane."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils.validation import _num_samples, column_or_1d

from sktransfer._inputs.domains import as_labels, check_sample_domain
from sktransfer._inputs.unlabeled import is_unlabeled, label_array
from sktransfer._pipelines import compute_features, final_estimator
from sktransfer.backbones.backbone import Backbone
from sktransfer.features import BackboneFeatures
from sktransfer.plotting._matplotlib import import_pyplot, set_axes
from sktransfer.plotting._style import class_colors

_SOURCE_MARKERS, _TARGET_MARKERS = "osD^v", "x+1234"
_UNLABELED = "#777777"


class DomainFeaturesDisplay:
    """Features of samples of several domains, in two dimensions.

    Create it with :meth:`from_estimator`. Colors show classes; the name of a class is
    at the median of its source samples. Markers show domains. After a successful
    adaptation, target samples are near the source samples of their class. Distances
    between classes mean little, since two dimensions show only part of the features.

    Parameters
    ----------
    points : dict of str to ndarray of shape (n_samples, 2)
        Projected features for each panel, by its title.
    labels : ndarray of shape (n_samples,)
        Class labels; None, NaN or -1 for unlabeled samples.
    sample_domain : ndarray of shape (n_samples,), int
        0 or more for source samples, less than 0 for target samples.

    Attributes
    ----------
    ax_ : matplotlib Axes, or ndarray of Axes
        One for each panel.
    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    TrainingCurveDisplay : Loss and scores of a fit.

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
        """Plot the features that an estimator computes.

        Parameters
        ----------
        estimator : estimator or Backbone
            A fitted `DomainAdaptedClassifier` or `TransferClassifier`, a fitted
            pipeline or search that ends in one, or a backbone. For the backbone
            "tabular", the features are log-probabilities of the classes.
        X : array-like or data frame of shape (n_samples, ...)
            Samples of all domains, as `estimator` accepts them.
        y : array-like of shape (n_samples,) or None, default=None
            Class labels, which determine the colors. Unlabeled samples are grey: None,
            NaN, or -1 when -1 is not a class of the source. With None the predictions
            of the estimator are the labels.
        sample_domain : array-like of shape (n_samples,)
            Domain of each sample: 0 or more for a source, less than 0 for a target.
        before : estimator or Backbone, default=None
            Another estimator for a panel on the left, such as the backbone before
            adaptation, or an estimator fitted with ``method="source_only"``.
        projection : transformer or None, default=None
            Projects features to two columns, for example
            :class:`~sklearn.manifold.TSNE`; its ``fit_transform`` is called for each
            panel. None is :class:`~sklearn.decomposition.PCA`.
        ax : matplotlib Axes or array of Axes or None, default=None
            Axes to draw on, two with `before`; None makes a new figure.

        Returns
        -------
        DomainFeaturesDisplay

        Raises
        ------
        ValueError
            When an estimator is not fitted (NotFittedError), lengths differ, or the
            projection does not return two columns.
        TypeError
            When an estimator has no backbone, or y is None with a Backbone.
        """
        import_pyplot()
        networks = {"features": estimator}
        if before is not None:
            networks = {"before": before, "after": estimator}
        domains = check_sample_domain(sample_domain, X)
        if y is None:
            if isinstance(estimator, Backbone):
                raise TypeError(
                    "y=None with a Backbone, which predicts no classes; pass y, or a "
                    "fitted estimator."
                )
            y = estimator.predict(X)
        y = column_or_1d(label_array(y))
        if len(y) != _num_samples(X):
            raise ValueError(
                f"y has {len(y)} labels for {_num_samples(X)} samples of X; expected "
                "one for each sample."
            )
        points, projection = {}, projection or PCA(2)
        for title, network in networks.items():
            points[title] = projection.fit_transform(_network_features(network, X))
            shape = points[title].shape
            if shape != (len(y), 2):
                raise ValueError(
                    f"projection={projection!r} returns an array of shape {shape}; "
                    f"expected two columns, ({len(y)}, 2)."
                )
        return cls(points=points, labels=y, sample_domain=domains).plot(ax)

    def plot(self, ax=None):
        """Plot the features.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes or None, default=None
            Axes to draw on, one a panel; None makes a new figure.

        Returns
        -------
        DomainFeaturesDisplay
        """
        n_panels = len(self.points)
        ax = set_axes(self, ax, ncols=n_panels, figsize=(1 + 4.4 * n_panels, 5))
        all_axes = np.ravel(ax)
        if len(all_axes) != n_panels:
            raise ValueError(
                f"ax has {len(all_axes)} axes for {n_panels} panels; expected one for "
                "each panel."
            )
        for axes, (title, points) in zip(all_axes, self.points.items(), strict=True):
            self._draw(axes, points)
            axes.set(title=title, xticks=[], yticks=[])
        all_axes[0].legend(handles=self._legend(), fontsize="small")
        return self

    def _domains(self):
        """Yield value, name and marker of each domain, sources first."""
        values = np.unique(self.sample_domain)
        for name, of_kind, markers in (
            ("source", values[values >= 0], _SOURCE_MARKERS),
            ("target", values[values < 0][::-1], _TARGET_MARKERS),
        ):
            for position, value in enumerate(of_kind):
                marker = markers[position % len(markers)]
                yield value, name if len(of_kind) == 1 else f"{name} {value}", marker

    def _draw(self, axes, points):
        labels = label_array(self.labels)
        is_source = self.sample_domain >= 0
        # -1 may be a class of the source.
        is_labeled = ~is_unlabeled(labels, labels[is_source])
        classes, codes = np.unique(as_labels(labels[is_labeled]), return_inverse=True)
        class_of = np.full(len(labels), -1)
        class_of[is_labeled] = codes
        colors = [_UNLABELED, *class_colors(len(classes))]
        groups = [(class_of == code - 1, hue) for code, hue in enumerate(colors)]
        for value, name, marker in self._domains():
            style = {"marker": marker, "label": name, "s": 26, "linewidths": 1.1}
            if value >= 0:
                style |= {"s": 14, "alpha": 0.35, "linewidths": 0}
            for in_group, color in groups:
                drawn = points[in_group & (self.sample_domain == value)]
                if len(drawn):
                    axes.scatter(*drawn.T, color=[color], **style)
        for code, c in enumerate(classes):
            in_class = class_of == code
            if (in_class & is_source).any():
                in_class &= is_source
            axes.text(
                *np.median(points[in_class], axis=0),
                str(c),
                weight="bold",
                ha="center",
                va="center",
                bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "#999999"},
            )

    def _legend(self):
        from matplotlib.lines import Line2D

        return [
            Line2D([], [], marker=marker, linestyle="", color=_UNLABELED, label=name)
            for _, name, marker in self._domains()
        ]


def _network_features(network, X):
    """Compute the features of a backbone or of a fitted estimator that has one."""
    if isinstance(network, Backbone):
        return BackboneFeatures(network).fit_transform(X)
    _, final = final_estimator(network)
    if not hasattr(final, "backbone_"):
        raise TypeError(
            f"{type(final).__name__} has no backbone_; expected a fitted "
            "DomainAdaptedClassifier, TransferClassifier or Backbone."
        )
    return compute_features(network, X)
