"""transfer_report: did the transfer help."""

import numbers
import time

import numpy as np
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    StratifiedKFold,
    check_cv,
)
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import Interval, validate_params
from sklearn.utils.parallel import Parallel, delayed

from sktransfer._inputs.domains import as_labels, check_sample_domain, is_unlabeled
from sktransfer._random import make_rng
from sktransfer._warnings import warn_user
from sktransfer.transferability._checks import check_classes
from sktransfer.transferability._subsets import absolute_sizes, growing_order
from sktransfer.transferability.baselines import make_contestants
from sktransfer.transferability.learning_curves import (
    Data,
    Split,
    plan_cells,
    run_cell,
)
from sktransfer.transferability.report import TransferReport


@validate_params(
    {
        "scoring": [str, callable],
        "confidence": [Interval(numbers.Real, 0, 1, closed="neither")],
        "n_jobs": [numbers.Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def transfer_report(
    estimator,
    X,
    y,
    *,
    train_sizes=(0.1, 0.2, 0.5, 1.0),
    cv=None,
    baselines="auto",
    scoring="accuracy",
    sample_domain=None,
    confidence=0.95,
    n_jobs=None,
    random_state=None,
    verbose=0,
):
    """Tell whether a transfer helps, against models that go without it.

    Learning curves of the estimator and of each baseline are measured on the same
    splits and the same training subsets, so that they are compared in pairs.

    Parameters
    ----------
    estimator : estimator
        A :class:`~sktransfer.TransferClassifier` or
        :class:`~sktransfer.DomainAdaptedClassifier`, or a pipeline or search with one.
        It is cloned, fitted or not.
    X : array-like of shape (n_samples, ...)
        Rows of the target; with `sample_domain` those of the source too.
    y : array-like of shape (n_samples,)
        Class labels.
    train_sizes : array-like of shape (n_sizes,), default=(0.1, 0.2, 0.5, 1.0)
        Rows of the training subsets; floats are shares of the smallest training part.
        In a split each subset holds the smaller ones. All are stratified and hold
        every class.
    cv : int, splitter, iterable or None, default=None
        Splits, as scikit-learn takes them. An integer is that many stratified,
        shuffled folds; None is 5 of them, drawn twice. Few splits give wide
        intervals.
    baselines : "auto", or list of str, (str, estimator) or estimator, default="auto"
        What to compare with. "auto" is the first four, or with `sample_domain` the
        last two, of these:

        - "scratch": the estimator with fresh random weights, all of them trained from
          the start, without `layer_decay` and `l2_sp`. Instead of the "tabular" network
          and the weights that "mlp" was trained to it is "mlp";
        - "linear_probe": the estimator with ``recipe="linear_probe"``;
        - "logistic": scikit-learn's LogisticRegression, C=1, on standardized columns;
          it takes one row of a class, which choosing C would not;
        - "hist_gradient_boosting": scikit-learn's HistGradientBoostingClassifier, with
          leaves of 5 rows, as its 20 need more rows than there may be;
        - "source_only": the estimator with ``method="source_only"``;
        - "target_trained": the same, trained on the target's labels alone, which
          adapting goes without.

        "logistic", "hist_gradient_boosting" and estimators of your own without a
        network get X as a table of two dimensions.
    scoring : str or callable, default="accuracy"
        A scikit-learn scorer or its name.
    sample_domain : array-like of shape (n_samples,) or None, default=None
        For a DomainAdaptedClassifier: 0 or more for rows of a source, less than 0 for
        rows of the target. Every fit has all rows of the source. Splits and
        `train_sizes` are of the target's labeled rows, and scores are of those held
        back; the estimator gets the subset's rows without labels, unless it has
        ``target_labels="use"``. Rows of the target without a label are left out.
        "source_only", "logistic" and "hist_gradient_boosting" are fitted to the source
        and are the same at all sizes.
    confidence : float, default=0.95
        How sure it is that all intervals of the report hold at once.
    n_jobs : int or None, default=None
        Fits at once, through joblib; -1 is one for each processor.
    random_state : int, RandomState instance or None, default=None
        Seed of splits and subsets, and of the random states of all models: those of a
        split share a seed, and each split has another one.
    verbose : int, default=0
        1 prints a line after each tenth of the fits, 2 after each.

    Returns
    -------
    TransferReport
        After a KeyboardInterrupt (Ctrl-C) too, with a warning and what is done by
        then.

    Raises
    ------
    ValueError, TypeError
        When a parameter is not usable, `train_sizes` leaves a class out, y has one
        class or as many classes as rows, or the first fit of the estimator fails. The
        failure of another fit is told in the report, with a warning.

    See Also
    --------
    rank_backbones : Choose a network before anything is trained.

    Notes
    -----
    A gain is the mean over splits of a difference. Its interval is that of the
    corrected resampled t statistic [1]_, which allows for the rows that splits share,
    widened so that those of all sizes and baselines hold at once (Bonferroni). The
    correction takes n_test / n_train of whole splits; smaller subsets share fewer
    rows, and their intervals are rather too wide. "No difference" means that none is
    shown, not that there is none. The pretrained weights, and the rows of a source,
    are taken as given: with others the gain may be another.

    Fine-tuning rates that suit pretrained weights may not suit fresh ones: for a fair
    contest pass ``("scratch", estimator)`` with its own.

    References
    ----------
    .. [1] Nadeau & Bengio (2003). Inference for the Generalization Error. Machine
       Learning 52. DOI 10.1023/A:1024068626366

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sktransfer import TransferClassifier, transfer_report
    >>> X, y = load_digits(return_X_y=True)
    >>> X /= 16
    >>> source = TransferClassifier("mlp", epochs=10, random_state=0).fit(
    ...     X[:900], y[:900]
    ... )
    >>> report = transfer_report(
    ...     TransferClassifier(source.backbone_, epochs=10),
    ...     X[900:1300],
    ...     y[900:1300],
    ...     train_sizes=[20],
    ...     cv=6,
    ...     baselines=["scratch"],
    ...     random_state=0,
    ... )
    >>> print(report.verdict)
    helps at 20
    """
    contestants = make_contestants(
        estimator, baselines, has_domains=sample_domain is not None
    )
    rng = make_rng(random_state)
    X = X if hasattr(X, "shape") else np.asarray(X)
    y = np.asarray(y)
    check_consistent_length(X, y)
    data, rows = Data(X, y), np.arange(len(y))
    if sample_domain is not None:
        domains = check_sample_domain(sample_domain, X)
        data, rows = Data(X, y, domains), _labeled_target(y, domains)
    codes, _ = check_classes(as_labels(y[rows]), len(rows))
    splits, test_over_train = _make_splits(rows, codes, cv, rng)
    n_train = min(len(split.train) for split in splits)
    sizes = absolute_sizes(train_sizes, n_train, codes.max() + 1)
    cells = plan_cells(contestants, splits, sizes)
    report = TransferReport(
        contestants=contestants,
        train_sizes=sizes,
        n_splits=len(splits),
        n_fits=sum(len(cell.sizes) for cell in cells),
        test_over_train=test_over_train,
        scoring=scoring if isinstance(scoring, str) else _name(scoring),
        confidence=confidence,
    )
    progress = _Progress(len(cells), verbose)
    tasks = (
        # What is wrong with the estimator itself is to be known at once.
        delayed(run_cell)(cell, data, scoring, np.nan if number else "raise")
        for number, cell in enumerate(cells)
    )
    try:
        for found in Parallel(n_jobs=n_jobs, return_as="generator")(tasks):
            report.fits.extend(found)
            progress.tell(found)
    except KeyboardInterrupt:
        if not report.fits:
            raise
        warn_user(
            f"Interrupted after {progress.n_done} of {len(cells)} fits; the report "
            "tells what they have found."
        )
    _warn_of_failures(report.fits)
    return report


def _labeled_target(y, domains):
    """Rows of the target that have a label."""
    source, target = domains >= 0, domains < 0
    if not source.any() or not target.any():
        raise ValueError(
            "sample_domain has rows of one side only; expected some of a source (0 or "
            "more) and some of a target (less than 0)."
        )
    labeled = ~is_unlabeled(y)
    # As DomainAdaptedClassifier reads it.
    if -1 not in y[source & labeled].tolist():
        labeled &= np.array([label != -1 for label in y.tolist()], dtype=bool)
    rows = np.flatnonzero(target & labeled)
    if not len(rows):
        raise ValueError(
            "y has no labels of target rows, so there is nothing to score on. Without "
            "them use a scorer of sktransfer.model_selection, such as InfoMaxScorer."
        )
    return rows


def _make_splits(rows, codes, cv, rng):
    """Split rows; the training rows come in the order in which subsets grow.

    Returns
    -------
    splits : list of Split
    test_over_train : float
        Mean of n_test / n_train.
    """
    seed = int(rng.integers(2**31))
    if cv is None:
        cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=seed)
    elif isinstance(cv, numbers.Integral):
        cv = StratifiedKFold(cv, shuffle=True, random_state=seed)
    splits, ratios = [], []
    n_classes = codes.max() + 1
    for number, (train, test) in enumerate(
        check_cv(cv).split(np.zeros((len(rows), 1)), codes)
    ):
        missing = n_classes - len(np.unique(codes[train]))
        if missing:
            raise ValueError(
                f"cv={cv!r} has a training part that lacks {missing} of {n_classes} "
                "classes; expected each class in each of them, so at least two rows of "
                "every class."
            )
        train = np.asarray(train)[growing_order(codes[train], rng)]
        seed = int(rng.integers(2**31))
        splits.append(Split(number, seed, rows[train], rows[test]))
        ratios.append(len(test) / len(train))
    if len(splits) < 2:
        raise ValueError(
            f"cv={cv!r} has {len(splits)} split; expected at least two, as a spread "
            "and an interval need."
        )
    return splits, float(np.mean(ratios))


def _warn_of_failures(fits):
    failed = [fit for fit in fits if fit["note"]]
    if failed:
        models = dict.fromkeys(fit["model"] for fit in failed)
        warn_user(
            f"{len(failed)} of {len(fits)} fits have failed, of {', '.join(models)}; "
            f"the first with {failed[0]['note']} They are left out."
        )


def _name(scoring):
    return getattr(scoring, "__name__", None) or "score"


class _Progress:
    """Prints how far the fits are."""

    def __init__(self, n_fits, verbose):
        self.n_done, self._n_fits, self._verbose = 0, n_fits, verbose
        self._start = time.perf_counter()

    def tell(self, found):
        """Count a fit, and print it if asked to."""
        self.n_done += 1
        if not self._verbose:
            return
        spent = time.perf_counter() - self._start
        left = spent / self.n_done * (self._n_fits - self.n_done)
        line = f"[transfer_report] {self.n_done}/{self._n_fits} fits, {left:.0f} s left"
        tenths = 10 * self.n_done // self._n_fits
        if self._verbose > 1:
            fit = found[0]
            print(
                f"{line}; {fit['model']}, {fit['size']} rows, split {fit['split']}: "
                f"{fit['score']:.3f}",
                flush=True,
            )
        elif tenths != 10 * (self.n_done - 1) // self._n_fits:
            print(line, flush=True)
