"""transfer_report: whether a transfer helps."""

import numbers
import time

import numpy as np
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold, check_cv
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import Interval, validate_params
from sklearn.utils.parallel import Parallel, delayed

from sktransfer._inputs.domains import as_labels, check_sample_domain
from sktransfer._inputs.frames import as_rows, check_container
from sktransfer._inputs.unlabeled import (
    is_missing_label,
    is_unlabeled,
    label_array,
)
from sktransfer._random import make_rng
from sktransfer._warnings import warn_user
from sktransfer.transferability._checks import check_classes
from sktransfer.transferability._subsets import absolute_sizes, growing_order
from sktransfer.transferability.baselines import make_models
from sktransfer.transferability.learning_curves import Data, Split, plan_fits, run_fit
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
def transfer_report(  # noqa: PLR0913
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
    """Compare a transfer with baselines that do without it.

    Learning curves of the estimator and of each baseline are measured on the same
    splits and the same training subsets, so the comparison is paired.

    Parameters
    ----------
    estimator : estimator
        A :class:`~sktransfer.TransferClassifier` or
        :class:`~sktransfer.DomainAdaptedClassifier`, or a pipeline or search with one.
        It is cloned, fitted or not.
    X : array-like or data frame of shape (n_samples, ...)
        Target samples; with `sample_domain` also source samples.
    y : array-like of shape (n_samples,)
        Class labels. Samples with None or NaN are left out; with `sample_domain` also
        target samples with -1, if the classes are numbers and -1 is not a class of
        the source.
    train_sizes : array-like of shape (n_sizes,), default=(0.1, 0.2, 0.5, 1.0)
        Sizes of the training subsets: integers are numbers of samples, floats are
        fractions of the smallest training set. In a split, each subset contains the
        smaller ones. All are stratified and contain every class.
    cv : int, splitter, iterable or None, default=None
        Splits, as in scikit-learn. An integer is a number of stratified, shuffled
        folds; None is 5 folds, repeated twice. Few splits give wide intervals.
    baselines : "auto", or list of str, (str, estimator) or estimator, default="auto"
        Models to compare with. "auto" is the first four of these; with `sample_domain`
        it is the last two:

        - "scratch": the estimator with random weights that are all trained, without
          `layer_decay` and `l2_sp`. For the backbones "auto" and "tabular" it is "mlp",
          and for that of a fitted "mlp" or "mlp_ensemble" a new one of this kind;
        - "linear_probe": the estimator with ``recipe="linear_probe"``;
        - "logistic": scikit-learn's LogisticRegression, C=1, on standardized columns.
          C is not tuned, since a class may have one sample;
        - "hist_gradient_boosting": scikit-learn's HistGradientBoostingClassifier, with
          ``min_samples_leaf=5``, since its default 20 is too many for small subsets;
        - "source_only": the estimator with ``method="source_only"``;
        - "target_trained": the same, trained on labeled target samples alone.

        "logistic", "hist_gradient_boosting" and your own estimators without a network
        get X with two dimensions. For data frames, the baselines encode categories and
        strings: "hist_gradient_boosting" by their positions; "logistic" by one-hot
        encoding, with medians for missing values.
    scoring : str or callable, default="accuracy"
        A scikit-learn scorer or its name.
    sample_domain : array-like of shape (n_samples,) or None, default=None
        Only for a DomainAdaptedClassifier: 0 or more for source samples, less than 0
        for target samples. Each fit uses all source samples. Splits and `train_sizes`
        apply to the labeled target samples; scores are computed on the target samples
        of the test sets. The estimator gets the target samples of a subset without
        their labels, unless it has ``target_labels="use"``. Target samples without a
        label are left out. "source_only", "logistic" and "hist_gradient_boosting" are
        fitted on the source, so they are the same at all sizes.
    confidence : float, default=0.95
        Confidence that all intervals of the report hold at once.
    n_jobs : int or None, default=None
        Number of fits in parallel, through joblib; -1 uses all processors.
    random_state : int, RandomState instance or None, default=None
        Seed of the splits, the subsets and the models. All models of a split have the
        same `random_state`; it differs between splits.
    verbose : int, default=0
        1 prints a line after each tenth of the fits, 2 after each fit.

    Returns
    -------
    TransferReport
        After a KeyboardInterrupt (Ctrl-C) it has the fits that are finished, and there
        is a warning.

    Raises
    ------
    ValueError, TypeError
        When a parameter is not valid, `train_sizes` leaves a class out, y has one
        class or as many classes as samples, or the first fit of the estimator fails.
        If another fit fails, there is a warning, and the report says why.

    See Also
    --------
    rank_backbones : Choose a backbone before anything is trained.

    Notes
    -----
    A gain is the mean over splits of a difference of scores. Its interval is that of
    the corrected resampled t statistic [1]_, which accounts for samples that splits
    have in common. It is widened so that the intervals of all sizes and baselines hold
    at once (Bonferroni). The correction uses n_test / n_train of whole splits. Smaller
    subsets have fewer samples in common, so their intervals are somewhat too wide. "No
    difference" means that no difference is shown, not that there is none. The
    pretrained weights and the source samples are fixed: with others the gain may
    differ.

    A learning rate that suits pretrained weights may not suit random ones. For a fair
    comparison pass ``("scratch", estimator)`` with its own learning rate.

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
    models = make_models(estimator, baselines, has_domains=sample_domain is not None)
    rng = make_rng(random_state)
    check_container(X)
    X = X if hasattr(X, "shape") else np.asarray(as_rows(X))
    y = label_array(y)
    check_consistent_length(X, y)
    if y.ndim != 1:
        check_classes(y, len(y))
    data, indices = Data(X, y), np.flatnonzero(~is_missing_label(y))
    if sample_domain is not None:
        domains = check_sample_domain(sample_domain, X)
        data, indices = Data(X, y, domains), _labeled_target(y, domains)
    codes, _ = check_classes(as_labels(y[indices]), len(indices))
    splits = _make_splits(indices, codes, cv, rng)
    n_train = min(len(split.train) for split in splits)
    sizes = absolute_sizes(train_sizes, n_train, codes.max() + 1)
    planned = plan_fits(models, splits, sizes)
    fits = _run_fits(planned, data, scoring, n_jobs, verbose)
    _warn_of_failures(fits)
    return TransferReport(
        models=models,
        fits=fits,
        train_sizes=sizes,
        n_splits=len(splits),
        n_fits=sum(len(fit.sizes) for fit in planned),
        test_over_train=np.mean([len(s.test) / len(s.train) for s in splits]),
        scoring=getattr(scoring, "__name__", "score") if callable(scoring) else scoring,
        confidence=confidence,
    )


def _run_fits(planned, data, scoring, n_jobs, verbose):
    """Return the rows of all fits; after Ctrl-C, of those that are finished."""
    fits, start = [], time.perf_counter()
    tasks = (
        # An error of the first fit, that of the estimator itself, is raised at once.
        delayed(run_fit)(fit, data, scoring, np.nan if number else "raise")
        for number, fit in enumerate(planned)
    )
    try:
        results = Parallel(n_jobs=n_jobs, return_as="generator")(tasks)
        for n_done, rows in enumerate(results, start=1):
            fits.extend(rows)
            if verbose:
                _print_progress(rows[0], n_done, len(planned), start, verbose)
    except KeyboardInterrupt:
        if not fits:
            raise
        warn_user(
            f"Interrupted after {n_done} of {len(planned)} fits; the report "
            "has the results of these fits."
        )
    return fits


def _labeled_target(y, domains):
    """Return the indices of the labeled target samples."""
    source, target = domains >= 0, domains < 0
    if not source.any() or not target.any():
        raise ValueError(
            "sample_domain has either source or target samples; expected both: 0 or "
            "more for a source, less than 0 for a target."
        )
    labeled = ~is_unlabeled(y, y[source])
    indices = np.flatnonzero(target & labeled)
    if not len(indices):
        raise ValueError(
            "y has no labels of target samples, so nothing can be scored. Without "
            "labels use a scorer of sktransfer.model_selection, such as InfoMaxScorer."
        )
    return indices


def _make_splits(indices, codes, cv, rng):
    """Split samples, with the training samples in the order of growing subsets.

    Returns
    -------
    list of Split
    """
    seed = int(rng.integers(2**31))
    if cv is None:
        cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=seed)
    elif isinstance(cv, numbers.Integral):
        cv = StratifiedKFold(cv, shuffle=True, random_state=seed)
    splits, n_classes = [], codes.max() + 1
    for train, test in check_cv(cv).split(np.zeros((len(indices), 1)), codes):
        missing = n_classes - len(np.unique(codes[train]))
        if missing:
            raise ValueError(
                f"cv={cv!r} has a training set that lacks {missing} of {n_classes} "
                "classes; expected every class in each training set. This needs at "
                "least two samples of every class."
            )
        train = np.asarray(train)[growing_order(codes[train], rng)]
        seed = int(rng.integers(2**31))
        splits.append(Split(len(splits), seed, indices[train], indices[test]))
    if len(splits) < 2:
        raise ValueError(
            f"cv={cv!r} has {len(splits)} split; expected at least two, for the "
            "standard deviation and the interval."
        )
    return splits


def _warn_of_failures(fits):
    failed = [fit for fit in fits if fit["note"]]
    if failed:
        models = dict.fromkeys(fit["model"] for fit in failed)
        warn_user(
            f"{len(failed)} of {len(fits)} fits have failed, of {', '.join(models)}. "
            f"The first error is {failed[0]['note']} The failed fits are left out."
        )


def _print_progress(fit, n_done, n_fits, start, verbose):
    """Print a line for each fit, or with ``verbose=1`` for each tenth of them."""
    left = (time.perf_counter() - start) / n_done * (n_fits - n_done)
    line = f"[transfer_report] {n_done}/{n_fits} fits, {left:.0f} s left"
    if verbose > 1:
        line += f"; {fit['model']}, {fit['size']} samples, split {fit['split']}: "
        line += f"{fit['score']:.3f}"
    if verbose > 1 or 10 * n_done // n_fits != 10 * (n_done - 1) // n_fits:
        print(line, flush=True)
