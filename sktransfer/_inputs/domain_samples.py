"""Samples of source and target: the checked input of DomainAdaptedClassifier."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sktransfer._inputs.domains import as_labels, check_sample_domain
from sktransfer._inputs.scale import warn_of_other_scale
from sktransfer._inputs.unlabeled import (
    check_no_mark,
    is_missing_label,
    is_unlabeled,
    label_array,
)
from sktransfer._warnings import warn_user
from sktransfer.training.store.samples import Samples


@dataclass(frozen=True)
class DomainSamples:
    """Checked samples: the labeled ones and those of the target.

    Attributes
    ----------
    labeled : Samples
        Samples of the source, and labeled samples of the target that may be used.
    domains : ndarray of shape (n_samples,), int
        Domain of each sample of X.
    target_index : ndarray of shape (n_target,), int
        Positions in X of the samples of the target, labeled or not.
    X_target : ndarray or None
        More samples of the target.
    """

    labeled: Samples
    domains: np.ndarray
    target_index: np.ndarray
    X_target: np.ndarray | None

    @classmethod
    def check(cls, X, y, sample_domain, X_target, *, use_target, check_input, check_X):
        """Check the arguments of fit. The arrays of the user are not changed.

        Parameters
        ----------
        X, y, sample_domain, X_target
            Arguments of the fit of DomainAdaptedClassifier.
        use_target : bool
            Whether labels of target samples may be used.
        check_input : callable
            Checks samples and labels; returns Samples.
        check_X : callable
            Checks samples without labels; returns an array.
        """
        is_labeled = None
        if sample_domain is not None:
            domains = check_sample_domain(sample_domain, X)
            if (domains < 0).all():
                raise ValueError(
                    "sample_domain is less than 0 for all samples, so all are of a "
                    "target; expected 0 or more for labeled samples of a source."
                )
            if y is not None:
                y = column_or_1d(label_array(y))
                is_labeled = _is_labeled(X, y, domains, use_target)
                y = _hide_labels(y, domains, is_labeled)
        samples = check_input(X, y)
        X, index = samples.X, samples.index
        if sample_domain is None:
            domains = np.zeros(len(X), dtype=int)
        elif (domains[index] < 0).all():
            raise ValueError(
                "sample_weight is 0 for all samples of the source (sample_domain of 0 "
                "or more); expected more than 0 for some of them."
            )
        if X_target is not None:
            X_target = check_target(check_X, X_target, X)
        target_index = index[domains[index] < 0]
        if is_labeled is not None:
            samples = samples.part(is_labeled[index])
        checked = cls(samples, domains, target_index, X_target)
        if not checked.has_target:
            check_no_mark(samples.y)
        return checked

    @property
    def is_target(self):
        """Whether each labeled sample is of the target; None if none is, or all are."""
        is_target = self.domains[self.labeled.index] < 0
        return is_target if is_target.any() and not is_target.all() else None

    @property
    def has_target(self):
        """Whether there are samples of a target."""
        return len(self.target_index) > 0 or self.X_target is not None

    @property
    def n_labeled_target(self):
        """Number of samples of the target with a label that may be used."""
        return int((self.domains[self.labeled.index] < 0).sum())

    @property
    def n_unlabeled(self):
        """Number of samples of the target without a label that may be used."""
        n_more = 0 if self.X_target is None else len(self.X_target)
        return len(self.target_index) + n_more - self.n_labeled_target

    def target(self, X, backbone, dtype):
        """Return the samples of the target, and their domains.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            All samples, as inputs of the backbone.
        backbone : Backbone
            The network.
        dtype : str
            Floating-point type of the computations.

        Returns
        -------
        samples : Samples
            Their y is 0.
        domains : ndarray of int
            Domain of each of them.
        """
        index, domains = self.target_index, self.domains[self.target_index]
        if self.X_target is not None:
            try:
                more = backbone.prepare(self.X_target, dtype)
            except ValueError as error:
                raise type(error)(f"X_target: {error}") from error
            X = np.concatenate([X[index], more]) if len(index) else more
            # The samples of X_target are one more domain.
            number = min(-1, self.domains.min() - 1)
            domains = np.concatenate([domains, np.full(len(more), number)])
            index = np.arange(len(X))
        n = len(index)
        return Samples(X, index, np.zeros(n, np.int32), np.ones(n)), domains


def _is_labeled(X, y, domains, use_target):
    """Return which samples have a label that may be used."""
    check_consistent_length(X, y)
    is_source = domains >= 0
    is_missing = is_missing_label(y)
    n_missing, n_source = is_missing[is_source].sum(), is_source.sum()
    if n_missing:
        advice = "Unlabeled samples need a sample_domain less than 0, for the target."
        if n_missing == n_source and not is_missing.all():
            advice = (
                "Only samples with a sample_domain less than 0, for the target, have "
                "labels. Check the sign of sample_domain."
            )
        raise ValueError(
            f"y has {n_missing} missing labels (None or NaN) among the {n_source} "
            "samples of the source (sample_domain of 0 or more); expected a label for "
            f"each of them. {advice}"
        )
    if not use_target:
        return is_source
    return is_source | ~is_unlabeled(y, source_classes=y[is_source])


def _hide_labels(y, domains, is_labeled):
    """Return a copy of the labels where one label replaces all that are not used."""
    labels = y[is_labeled]
    if y.dtype == object and len({isinstance(label, str) for label in labels}) > 1:
        raise ValueError(
            "y has strings and other labels, such as "
            f"{sorted({repr(label) for label in labels})[:5]}; expected one type for "
            "all labels that are used."
        )
    labels = as_labels(labels)
    visible = np.full(len(y), labels[0], dtype=labels.dtype)
    visible[is_labeled] = labels
    is_target = domains[is_labeled] < 0
    only_target = np.setdiff1d(labels[is_target], labels[~is_target])
    if len(only_target):
        warn_user(
            f"The classes {only_target.tolist()} have labeled samples in the target "
            "only. They are learned from those samples."
        )
    return visible


def check_target(check_X, X_target, X, *, warns_of_length=True, warns_of_scale=True):
    """Check samples of the target that are passed beside X.

    Parameters
    ----------
    check_X : callable
        Checks an array of samples, and returns it.
    X_target : array-like of shape (n_target, ...) or tuple
        Samples, or a tuple of one array of samples.
    X : ndarray of shape (n_samples, ...)
        Checked samples of the source.
    warns_of_length : bool, default=True
        Whether an array as long as X, which a search would split, is warned of.
    warns_of_scale : bool, default=True
        Whether another scale than that of X is warned of.

    Returns
    -------
    ndarray of shape (n_target, ...)
    """
    is_tuple = isinstance(X_target, tuple)
    if is_tuple:
        if len(X_target) != 1:
            raise ValueError(
                f"X_target is a tuple of {len(X_target)}; expected an array of "
                "samples, or a tuple of one such array."
            )
        (X_target,) = X_target
    try:
        X_target = check_X(X_target)
    except (TypeError, ValueError) as error:
        raise type(error)(f"X_target: {error}") from error
    if X_target.shape[1:] != X.shape[1:]:
        raise ValueError(
            f"X_target has samples of shape {X_target.shape[1:]}; expected the shape "
            f"of the samples of X, {X.shape[1:]}."
        )
    if warns_of_length and len(X_target) == len(X) and not is_tuple:
        warn_user(
            f"X_target has {len(X)} samples, as many as X. A search or "
            "cross-validation splits such an array like X, which drops samples of the "
            "target. Pass X_target=(X_target,), which is never split."
        )
    if warns_of_scale:
        warn_of_other_scale(
            "X_target",
            X_target,
            X,
            "; or put its samples into X, with sample_domain less than 0",
        )
    return X_target
