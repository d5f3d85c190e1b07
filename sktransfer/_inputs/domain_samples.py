"""Rows of source and target, as DomainAdaptedClassifier gets them."""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sktransfer._inputs.domains import as_labels, check_sample_domain
from sktransfer._inputs.samples import check_rows, shape_rows
from sktransfer._inputs.unlabeled import is_missing_label, is_unlabeled
from sktransfer._warnings import warn_user

# Columns of X and X_target are of one scale when their means are nearer than this many
# standard deviations, and these have no greater ratio.
_SCALE_FACTOR = 5.0
_SCALE_ROWS = 2000
# A class of which so many rows were to be expected should be predicted for one.
_EXPECTED_ROWS = 10


@dataclass
class DomainRows:
    """Checked rows: the labeled ones, and those of the target.

    Attributes
    ----------
    X : ndarray of shape (n_samples, ...)
        All rows of X.
    index : ndarray of shape (n,), int
        The rows to learn labels from: those of the source, and labeled ones of the
        target that may be used.
    y, sample_weight : ndarray of shape (n,)
        Their labels and weights.
    domains : ndarray of shape (n_samples,), int
        Domains of the rows of X.
    target_index : ndarray of shape (n_target,), int
        Rows of X that are of the target, labeled or not.
    X_target : ndarray or None
        More rows of the target.
    """

    X: np.ndarray
    index: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray
    domains: np.ndarray
    target_index: np.ndarray
    X_target: np.ndarray | None

    @classmethod
    def check(cls, estimator, method, X, y, sample_domain, X_target, sample_weight):
        """Check what fit got; the caller's arrays are left as they are."""
        from sktransfer.adaptation.methods.source_only import SourceOnly

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
                labeled = _labeled(X, y, domains, estimator.target_labels == "use")
                y = _readable(y, domains, labeled)
        X, index, y, sample_weight = estimator._check_fit_input(X, y, sample_weight)
        if sample_domain is None:
            domains = np.zeros(len(X), dtype=int)
        elif (domains[index] < 0).all():
            raise ValueError(
                "sample_weight is 0 for all rows of the source (sample_domain of 0 or "
                "more); some must have more."
            )
        if labeled is None:
            labeled = np.ones(len(X), dtype=bool)
        target_index = index[domains[index] < 0]
        kept = labeled[index]
        if X_target is not None:
            X_target = _check_target(estimator, X_target, X)
        elif not len(target_index) and not isinstance(method, SourceOnly):
            warn_user(
                "There are no rows of a target, so this is a plain fine-tune. Pass "
                "sample_domain, with numbers less than 0 for the target's rows in X, "
                "or X_target."
            )
        return cls(
            X,
            index[kept],
            y[kept],
            sample_weight[kept],
            domains,
            target_index,
            X_target,
        )

    @property
    def has_target(self):
        """Whether there is any row of a target."""
        return len(self.target_index) > 0 or self.X_target is not None

    def run(
        self, method, backbone, head, stages, source, validation, *arguments, **options
    ):
        """Train as a method says, given what ``fine_tune`` gets.

        Returns
        -------
        Fit
            With the fitted attributes that tell what happened.
        """
        from sktransfer.adaptation.methods.source_only import SourceOnly
        from sktransfer.adaptation.task import DomainTask
        from sktransfer.training.fine_tune import fine_tune

        attributes = {"target_prior": None, "source_weights": np.ones(len(source))}
        if not self.has_target:
            fit = fine_tune(
                backbone, head, stages, source, validation, *arguments, **options
            )
        else:
            target, target_domains = self._target(source.X, backbone.input_shape)
            task = DomainTask(
                backbone,
                head,
                stages,
                source,
                validation,
                *arguments,
                target=target,
                source_domains=self.domains[source.index],
                validation_domains=validation and self.domains[validation.index],
                target_domains=target_domains,
                **options,
            )
            fit = task.train() if method.trade_off == 0 else method.adapt(task)
            logits = task.logits(fit, target)
            attributes["target_prior"] = softmax(logits, axis=1).mean(axis=0)
        attributes |= fit.attributes
        weights = np.zeros(len(self.X))
        weights[source.index] = attributes["source_weights"]
        fit.attributes = attributes | {"source_weights": weights}
        adapted = method.trade_off != 0 and not isinstance(method, SourceOnly)
        if self.has_target and adapted:
            _warn_of_failure(method, fit, logits.argmax(axis=1), source, task.n_classes)
        return fit

    def _target(self, X, input_shape):
        """Return the target's rows as Examples, and their domains."""
        from sktransfer.training.store.samples import Examples

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
        return Examples(X, index, np.zeros(n, np.int32), np.ones(n)), domains


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


def _check_target(estimator, X_target, X):
    wrapped = isinstance(X_target, tuple)
    if wrapped:
        if len(X_target) != 1:
            raise ValueError(
                f"X_target is a tuple of {len(X_target)}; expected one array of rows, "
                "or a tuple of one such array."
            )
        (X_target,) = X_target
    try:
        X_target = check_rows(estimator, X_target, reset=False)
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
    if _differs_in_scale(X, X_target):
        warn_user(
            "X_target is of another scale than X, as if it had not been transformed as "
            "X was. In a pipeline write Pipeline(steps, transform_input=['X_target']), "
            "with sklearn.set_config(enable_metadata_routing=True), or transform it "
            "before fit; or put its rows into X, with sample_domain less than 0."
        )
    return X_target


def _differs_in_scale(X, X_target):
    """Whether most columns are far apart, by the standard deviation of X."""
    some = [
        rows[:: max(1, len(rows) // _SCALE_ROWS)].reshape(
            -1, 1 if rows.ndim > 2 else rows.shape[1]
        )
        for rows in (X, X_target)
    ]
    means, spreads = (
        [function(rows, axis=0, dtype=np.float64) for rows in some]
        for function in (np.mean, np.std)
    )
    varied = (spreads[0] > 0) & (spreads[1] > 0)
    if not varied.any():
        return False
    spread, spread_target = (values[varied] for values in spreads)
    distance = np.abs(means[1] - means[0])[varied] / spread
    ratio = np.maximum(spread_target / spread, spread / spread_target)
    return bool(np.mean(np.maximum(distance, ratio) > _SCALE_FACTOR) > 0.5)


def _warn_of_failure(method, fit, predicted, source, n_classes):
    """Warn when adapting has made the network useless, and say by what it shows."""
    losses = [e["loss"] for e in fit.history.epochs if e["stage"] != "target"]
    reasons = []
    if losses[-1] > np.log(n_classes):
        reasons.append(
            f"the loss on the source ended at {losses[-1]:.3g}, above the "
            f"{np.log(n_classes):.3g} of guessing: training has diverged"
        )
    share = np.bincount(source.y, source.sample_weight, n_classes)
    expected = len(predicted) * share / share.sum()
    found = np.bincount(predicted, minlength=n_classes)
    lost = int(((found == 0) & (expected >= _EXPECTED_ROWS)).sum())
    if lost:
        reasons.append(
            f"{lost} of {n_classes} classes, of which the target would have at least "
            f"{_EXPECTED_ROWS} rows each at the shares of the source, are predicted "
            "for none: the classes are absent, or predictions have collapsed"
        )
    if reasons:
        warn_user(
            f"Adapting by {method} looks wrong: {'; '.join(reasons)}. Compare with "
            "method='source_only', or use a smaller trade_off or learning_rate.",
            ConvergenceWarning,
        )
