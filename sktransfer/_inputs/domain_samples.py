"""Rows of source and target, as DomainAdaptedClassifier gets them."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sktransfer._inputs.domains import as_labels, check_sample_domain
from sktransfer._inputs.samples import shape_rows
from sktransfer._inputs.scale import warn_of_other_scale
from sktransfer._inputs.unlabeled import is_missing_label, is_unlabeled
from sktransfer._warnings import warn_user
from sktransfer.training.store.samples import Samples


@dataclass(frozen=True)
class DomainSamples:
    """Checked samples: the labeled ones, and those of the target.

    Attributes
    ----------
    labeled : Samples
        Samples to learn labels from: those of the source, and labeled ones of the
        target that may be used.
    domains : ndarray of shape (n_samples,), int
        Domains of the rows of X.
    target_index : ndarray of shape (n_target,), int
        Rows of X that are of the target, labeled or not.
    X_target : ndarray or None
        More samples of the target.
    """

    labeled: Samples
    domains: np.ndarray
    target_index: np.ndarray
    X_target: np.ndarray | None

    @classmethod
    def check(cls, X, y, sample_domain, X_target, *, use_target, check_input, check_X):
        """Check the arguments of fit; the caller's arrays are left as they are.

        Parameters
        ----------
        X, y, sample_domain, X_target
            As in the fit of DomainAdaptedClassifier.
        use_target : bool
            Whether labels of target samples are used.
        check_input : callable
            Checks samples and labels; returns Samples.
        check_X : callable
            Checks samples of the target.
        """
        labeled = None
        if sample_domain is not None:
            domains = check_sample_domain(sample_domain, X)
            if (domains < 0).all():
                raise ValueError(
                    "sample_domain is less than 0 for all rows: all are of a target. "
                    "Rows of a source, with labels, need 0 or more."
                )
            if y is not None:
                y = _label_column(y)
                labeled = _labeled(X, y, domains, use_target)
                y = _readable(y, domains, labeled)
        samples = check_input(X, y)
        X, index = samples.X, samples.index
        if sample_domain is None:
            domains = np.zeros(len(X), dtype=int)
        elif (domains[index] < 0).all():
            raise ValueError(
                "sample_weight is 0 for all samples of the source (sample_domain of 0 "
                "or more); some must have more."
            )
        if X_target is not None:
            X_target = _check_target(check_X, X_target, X)
        target_index = index[domains[index] < 0]
        if labeled is not None:
            samples = samples.part(labeled[index])
        return cls(samples, domains, target_index, X_target)

    @property
    def is_target(self):
        """Whether each labeled sample is of the target; None where none is."""
        is_target = self.domains[self.labeled.index] < 0
        return is_target if is_target.any() else None

    @property
    def has_target(self):
        """Whether there is any row of a target."""
        return len(self.target_index) > 0 or self.X_target is not None

    def target(self, X, input_shape):
        """Return the samples of the target, and their domains.

        Parameters
        ----------
        X : ndarray of shape (n_samples, *input_shape)
            All samples, in the shape that the backbone takes.
        input_shape : tuple
            That shape.

        Returns
        -------
        Samples
            Their y is 0.
        domains : ndarray of int
        """
        index, domains = self.target_index, self.domains[self.target_index]
        if self.X_target is not None:
            try:
                more = shape_rows(self.X_target, input_shape)
            except ValueError as error:
                raise type(error)(f"X_target: {error}") from error
            X = np.concatenate([X[index], more]) if len(index) else more
            # They are a domain of their own.
            number = min(-1, self.domains.min() - 1)
            domains = np.concatenate([domains, np.full(len(more), number)])
            index = np.arange(len(X))
        n = len(index)
        return Samples(X, index, np.zeros(n, np.int32), np.ones(n)), domains


def _label_column(y):
    """Labels as an array of one dimension, each as it was."""
    if not isinstance(getattr(y, "dtype", None), np.dtype):
        # NumPy's choice would be strings for numbers beside a string, and floats for
        # integers beside a missing one.
        y = np.array(y, dtype=object)
    return column_or_1d(y)


def _labeled(X, y, domains, use_target):
    """Check which samples have a label that may be read."""
    check_consistent_length(X, y)
    is_source = domains >= 0
    n_missing = int(is_missing_label(y[is_source]).sum())
    if n_missing:
        raise ValueError(
            f"y is None or NaN for {n_missing} samples of the source (sample_domain of "
            "0 or more). All samples of the source need a label."
        )
    if not use_target:
        return is_source
    return is_source | ~is_unlabeled(y, source_classes=y[is_source])


def _readable(y, domains, labeled):
    """Copy labels, with one that is read anyhow in place of those that are not."""
    given = y[labeled]
    if y.dtype == object and len({isinstance(label, str) for label in given}) > 1:
        raise ValueError(
            "y has strings and other labels, "
            f"{sorted({repr(label) for label in given})[:5]} among them; expected all "
            "labels that are read to be of one type."
        )
    read = as_labels(given)
    copied = np.full(len(labeled), read[0], dtype=read.dtype)
    copied[labeled] = read
    only_target = np.setdiff1d(read[domains[labeled] < 0], read[domains[labeled] >= 0])
    if len(only_target):
        warn_user(
            f"The classes {only_target.tolist()} have labels in the target alone; they "
            "are learned from those."
        )
    return copied


def _check_target(check_X, X_target, X):
    wrapped = isinstance(X_target, tuple)
    if wrapped:
        if len(X_target) != 1:
            raise ValueError(
                f"X_target is a tuple of {len(X_target)}; expected one array of rows, "
                "or a tuple of one such array."
            )
        (X_target,) = X_target
    try:
        X_target = check_X(X_target)
    except (TypeError, ValueError) as error:
        raise type(error)(f"X_target: {error}") from error
    if X_target.shape[1:] != X.shape[1:]:
        raise ValueError(
            f"X_target has rows of shape {X_target.shape[1:]}; those of X are of shape "
            f"{X.shape[1:]}."
        )
    if len(X_target) == len(X) and not wrapped:
        warn_user(
            f"X_target has {len(X)} rows, as many as X. A search or cross-validation "
            "cuts such an array as it cuts X, and drops rows of the target. Pass "
            "X_target=(X_target,), which is never cut."
        )
    warn_of_other_scale(
        "X_target",
        X_target,
        X,
        "; or put its samples into X, with sample_domain less than 0",
    )
    return X_target
