"""EnsembleAgreement: the candidate of a search that agrees most with all of them."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import (
    _check_method_params,
    check_consistent_length,
    column_or_1d,
)

from sktransfer._inputs.domains import as_labels, check_sample_domain
from sktransfer._inputs.unlabeled import is_missing_label, label_array
from sktransfer._pipelines import sample_domain_name, uses_sample_domain
from sktransfer._random import make_rng
from sktransfer._warnings import warn_user
from sktransfer.model_selection._source_models import SourceModels

_SCORE = "mean_test_"


class EnsembleAgreement(BaseEstimator):
    r"""Choose the candidate of a search that agrees most with all candidates.

    Pass it as `refit` of `GridSearchCV` or `RandomizedSearchCV`. It is the first way to
    try if the target has no labels: a scorer sees one candidate at a time, and this
    sees all of them. Each candidate is fitted once more, on all samples. The mean of
    their class probabilities for the target samples is the prediction of the ensemble.
    The candidate that predicts the same class as the ensemble for most target samples
    is chosen [1]_; of several, the first.

    The ensemble is wrong if most candidates do harm in the same way, as methods that
    align the features do under a label shift. So a guard asks first whether a model of
    the source fails on the target. Two models are trained, each on one half of the
    source, without the target. They fail if

    - their uncertainty, 1 minus the mean of the greatest calibrated probability, is at
      least 2 times that on the other half of the source, and higher by 0.02;
    - the class prior of the source has a total variation of at most 0.15 from equal
      classes, since many methods pull predictions towards equal classes; and
    - another class prior of the target does not explain how the predictions differ, as
      in the first check of :class:`~sktransfer.adaptation.LabelShift`.

    Otherwise the mean of the two models takes the place of the ensemble. So a candidate
    is chosen that changes little, such as ``method="source_only"``. The attribute
    `decision_` tells which condition does not hold.

    Candidates whose scores are NaN in the search, or whose fit fails, are left out. The
    scores have no other effect, so one split is enough:
    ``cv=SourceTargetShuffleSplit(n_splits=1)``. As with any callable `refit`, the
    search has no ``best_score_``.

    The object holds the data of `fit`, so use it for one search, not for the inner
    search of a nested cross-validation. In a search that is a step of a pipeline, the
    data are those that reach this step. `HalvingGridSearchCV` does not call it.

    Parameters
    ----------
    estimator : classifier
        The estimator of the search. It is cloned.
    X : array-like of shape (n_samples, ...)
        Samples of both domains, as for `fit` of the search.
    y : array-like of shape (n_samples,)
        Labels, as for `fit` of the search. Those of target samples have no effect
        unless a candidate uses them by ``target_labels="use"``.
    sample_domain : array-like of shape (n_samples,)
        Integers: 0 or more for source samples, less than 0 for target samples. It is
        passed to `fit` of candidates that accept it. Others are fitted on the source
        samples alone.
    fit_params : dict or None, default=None
        Other parameters of `fit`, such as ``{"sample_weight": sample_weight}``.
    guard : bool, default=True
        Whether the guard is used. It needs `predict_proba`.
    random_state : int, RandomState instance or None, default=0
        Seed of the halves of the source.
    n_jobs : int or None, default=None
        Number of candidates that are fitted at the same time. None is 1, -1 is all
        processors.

    Attributes
    ----------
    agreement_ : ndarray of shape (n_candidates,)
        Fraction of target samples for which a candidate predicts the same class as the
        ensemble, or as the models of the source, in the order of
        ``cv_results_["params"]``. NaN for candidates that were left out.
    source_fails_ : bool or None
        Whether the models of the source fail on the target. None without the guard.
    decision_ : ResultsTable or None
        Evidence of the guard: a value, the condition for it, and whether the condition
        holds. None without the guard.

    See Also
    --------
    InfoMaxScorer : Scores one candidate.

    References
    ----------
    .. [1] Hu, Luo, Liang & Foo (2024). Towards Reliable Model Selection for
       Unsupervised Domain Adaptation: An Empirical Study and A Certified Baseline.
       NeurIPS Datasets and Benchmarks.

    Examples
    --------
    >>> import sklearn
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sktransfer import DomainAdaptedClassifier
    >>> from sktransfer.datasets import make_shifted_classification
    >>> from sktransfer.model_selection import (
    ...     EnsembleAgreement,
    ...     InfoMaxScorer,
    ...     SourceTargetShuffleSplit,
    ... )
    >>> X, y, sample_domain = make_shifted_classification(
    ...     kind="moons", angle=30, n_samples=100, random_state=0
    ... )
    >>> clf = DomainAdaptedClassifier(epochs=10, random_state=0)
    >>> agreement = EnsembleAgreement(clf, X, y, sample_domain)
    >>> search = GridSearchCV(
    ...     clf,
    ...     {"method": ["source_only", "dan", "deep_coral"]},
    ...     scoring=InfoMaxScorer(),
    ...     refit=agreement,
    ...     cv=SourceTargetShuffleSplit(n_splits=1, random_state=0),
    ... )
    >>> with sklearn.config_context(enable_metadata_routing=True):
    ...     search = search.fit(X, y, sample_domain=sample_domain)
    >>> agreement.source_fails_
    False
    >>> agreement.agreement_.shape
    (3,)
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"])],
        "X": "no_validation",
        "y": "no_validation",
        "sample_domain": "no_validation",
        "fit_params": [dict, None],
        "guard": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator,
        X,
        y,
        sample_domain,
        *,
        fit_params=None,
        guard=True,
        random_state=0,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.X = X
        self.y = y
        self.sample_domain = sample_domain
        self.fit_params = fit_params
        self.guard = guard
        self.random_state = random_state
        self.n_jobs = n_jobs

    def __call__(self, cv_results):
        """Choose a candidate.

        Parameters
        ----------
        cv_results : dict
            ``cv_results_`` of the search.

        Returns
        -------
        int
            Its index in ``cv_results["params"]``.

        Raises
        ------
        ValueError
            When no candidate can be scored or fitted, a domain has no samples, a
            candidate has other classes than the others, or the source is too small for
            the guard.
        TypeError
            When the guard is used and `estimator` has no `predict_proba`.
        """
        self._validate_params()
        scores = [cv_results[key] for key in cv_results if key.startswith(_SCORE)]
        is_scored = ~np.isnan(scores).all(axis=0)
        if not is_scored.any():
            raise ValueError(
                "The score of each candidate is NaN; see the errors of the search with "
                "error_score='raise'."
            )
        data = self._check_data()
        expected, decision = self._judge_source(data)
        positions = np.flatnonzero(is_scored)
        fits = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_and_predict)(
                clone(self.estimator), cv_results["params"][i], data
            )
            for i in positions
        )
        fits = {i: fit for i, fit in zip(positions, fits, strict=True) if _works(fit)}
        if not fits:
            raise ValueError("No candidate can be fitted; see the warnings.")
        classes = _common_classes(fits.values())
        if expected is None:
            proba = np.mean([fit.proba for fit in fits.values()], axis=0)
            expected = classes[proba.argmax(axis=1)]
        agreement = np.full(len(is_scored), np.nan)
        for i, fit in fits.items():
            agreement[i] = np.mean(fit.labels == expected)
        self.agreement_, self.decision_ = agreement, decision
        self.source_fails_ = None if decision is None else all(decision["holds"])
        return int(np.nanargmax(agreement))

    def _check_data(self):
        domains = check_sample_domain(self.sample_domain, self.X)
        for name, is_domain in (("source", domains >= 0), ("target", domains < 0)):
            if not is_domain.any():
                raise ValueError(
                    f"EnsembleAgreement needs samples of the {name}, with "
                    f"sample_domain {'>=' if name == 'source' else '<'} 0."
                )
        check_consistent_length(self.X, self.y)
        y = column_or_1d(label_array(self.y))[domains >= 0]
        if is_missing_label(y).any():
            raise ValueError("EnsembleAgreement needs a label for each source sample.")
        return _Data(self, np.flatnonzero(domains >= 0), np.flatnonzero(domains < 0), y)

    def _judge_source(self, data):
        """Return labels for the target by models of the source, and the evidence.

        The labels are None if the models fail, and both are None without the guard.
        """
        if not self.guard:
            return None, None
        seed = int(make_rng(self.random_state).integers(2**31))
        models = SourceModels(
            self.estimator,
            data.X_source,
            as_labels(data.y_source),
            data.source_params,
            seed,
            type(self).__name__,
        )
        predicted, decision = models.judge(data.X_target)
        return None if all(decision["holds"]) else predicted, decision


class _Data:
    """Data of `fit`, by domain."""

    def __init__(self, agreement, source, target, y_source):
        X = agreement.X
        self.X, self.y = X, agreement.y
        self.sample_domain = agreement.sample_domain
        self.fit_params = agreement.fit_params or {}
        self.X_source, self.X_target = (_safe_indexing(X, i) for i in (source, target))
        self.y_source = y_source
        self.source_params = _check_method_params(X, self.fit_params, source)


class _Fit(NamedTuple):
    """Predictions of a candidate for the target."""

    classes: np.ndarray
    proba: np.ndarray
    labels: np.ndarray


def _fit_and_predict(model, params, data):
    """Fit a candidate; return its predictions, or why it cannot be fitted."""
    try:
        model.set_params(**clone(params, safe=False))
        if uses_sample_domain(model):
            domain = {sample_domain_name(model): data.sample_domain}
            model.fit(data.X, data.y, **data.fit_params, **domain)
        else:
            model.fit(data.X_source, as_labels(data.y_source), **data.source_params)
        labels, classes = as_labels(model.predict(data.X_target)), model.classes_
        proba = labels[:, None] == classes
        if hasattr(model, "predict_proba"):
            proba = model.predict_proba(data.X_target)
            if not np.isfinite(proba).all():
                raise ValueError("predict_proba returns NaN or infinite values.")
    except Exception as error:
        return error
    return _Fit(as_labels(classes), np.asarray(proba, dtype=float), labels)


def _works(fit):
    if isinstance(fit, _Fit):
        return True
    warn_user(
        f"EnsembleAgreement leaves out a candidate whose fit fails: "
        f"{type(fit).__name__}: {fit}",
        FitFailedWarning,
    )
    return False


def _common_classes(fits):
    classes = [fit.classes for fit in fits]
    for other in classes:
        if not np.array_equal(other, classes[0]):
            raise ValueError(
                "The candidates have different classes: "
                f"{classes[0].tolist()} and {other.tolist()}."
            )
    return classes[0]
