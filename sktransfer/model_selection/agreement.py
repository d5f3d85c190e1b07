"""EnsembleAgreement: the candidate of a search that agrees most with all of them."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sktransfer._inputs.domains import as_labels, check_sample_domain
from sktransfer._inputs.unlabeled import label_array
from sktransfer._pipelines import sample_domain_name, uses_sample_domain
from sktransfer._random import make_rng
from sktransfer.model_selection._scorer import ScoredSamples
from sktransfer.model_selection.source_models import predict_by_source

_SCORE = "mean_test_"


class EnsembleAgreement(BaseEstimator):
    r"""Choose the candidate of a search that agrees most with all candidates.

    It is for the parameter `refit` of `GridSearchCV` and `RandomizedSearchCV`, and the
    way to try first when the target has no labels. A scorer sees one candidate at a
    time; this sees all of them. Each candidate is fitted once more, on all samples. The
    mean of their class probabilities for the target samples is the prediction of the
    ensemble. The candidate that predicts the same class as the ensemble for most target
    samples is chosen [1]_; of several, the first.

    The ensemble is right if most candidates are better than those that mislead. It is
    wrong if most candidates do harm in the same way, as methods that align the features
    do under a label shift. So a guard first asks whether there is anything to mend. Two
    models are trained, each on one half of the source, without the target. They fail on
    the target if

    - their uncertainty, 1 minus the mean of the greatest calibrated probability, is at
      least 2 times that on the other half of the source, and higher by 0.02;
    - the class prior of the source has a total variation of at most 0.15 from equal
      classes; and
    - another class prior of the target does not explain how the predictions differ, as
      in the first check of :class:`~sktransfer.adaptation.LabelShift`.

    If they do not fail, the mean of the two models takes the place of the ensemble. So
    a candidate is chosen that changes little, such as ``method="source_only"``.

    Candidates with a score of NaN in the search are left out. The scores of the search
    have no other effect, so one split is enough:
    ``cv=SourceTargetShuffleSplit(n_splits=1)``.

    Parameters
    ----------
    estimator : classifier
        The estimator of the search. It is cloned.
    X : array-like of shape (n_samples, ...)
        Samples of both domains, as for `fit` of the search.
    y : array-like of shape (n_samples,)
        Labels, as for `fit` of the search. Those of target samples have no effect here
        unless `estimator` uses them.
    sample_domain : array-like of shape (n_samples,)
        Integers: 0 or more for source samples, less than 0 for target samples. It is
        passed to `fit` of candidates that accept it.
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

    See Also
    --------
    InfoMaxScorer : Needs no other candidate, but misleads more often.

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
    >>> agreement.agreement_[search.best_index_] == agreement.agreement_.max()
    np.True_
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"])],
        "X": "no_validation",
        "y": "no_validation",
        "sample_domain": "no_validation",
        "fit_params": [dict, None],
        "guard": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [int, None],
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
            When all scores are NaN, a domain has no samples, or the candidates have
            other classes.
        """
        self._validate_params()
        scores = [cv_results[key] for key in cv_results if key.startswith(_SCORE)]
        chosen = np.flatnonzero(~np.isnan(np.mean(scores, axis=0)))
        if not len(chosen):
            raise ValueError(
                "The score of each candidate is NaN; see the errors of the search with "
                "error_score='raise'."
            )
        samples = self._samples()
        candidates = [
            clone(self.estimator).set_params(**clone(params, safe=False))
            for params in cv_results["params"]
        ]
        fits = Parallel(n_jobs=self.n_jobs)(
            delayed(self._predict)(candidates[i], samples) for i in chosen
        )
        classes = fits[0][0]
        for other, _ in fits:
            if not np.array_equal(other, classes):
                raise ValueError(
                    "The candidates have other classes: "
                    f"{classes.tolist()} and {other.tolist()}."
                )
        proba = np.array([p for _, p in fits])
        expected = classes[proba.mean(axis=0).argmax(axis=1)]
        self.source_fails_ = None
        if self.guard:
            seed = int(make_rng(self.random_state).integers(2**31))
            source = clone(self.estimator)
            predicted, fails = predict_by_source(source, samples, seed)
            self.source_fails_ = bool(fails)
            if not fails:
                expected = predicted
        self.agreement_ = np.full(len(candidates), np.nan)
        labels = classes[proba.argmax(axis=2)]
        self.agreement_[chosen] = (labels == expected).mean(axis=1)
        return int(np.nanargmax(self.agreement_))

    def _samples(self):
        domains = check_sample_domain(self.sample_domain, self.X)
        for name, is_domain in (("source", domains >= 0), ("target", domains < 0)):
            if not is_domain.any():
                raise ValueError(
                    f"EnsembleAgreement needs samples of the {name}, with "
                    f"sample_domain {'>=' if name == 'source' else '<'} 0."
                )
        check_consistent_length(self.X, self.y)
        y = column_or_1d(label_array(self.y))
        return ScoredSamples(self.X, y[domains >= 0], domains, self)

    def _predict(self, model, samples):
        """Fit a candidate; return its classes and the probabilities of the target."""
        fit_params = dict(self.fit_params or {})
        if uses_sample_domain(model):
            fit_params[sample_domain_name(model)] = self.sample_domain
        model.fit(self.X, self.y, **fit_params)
        classes = as_labels(model.classes_)
        if hasattr(model, "predict_proba"):
            return classes, samples.predict_proba(model, samples.X_target)
        predicted = samples.predict(model, samples.X_target)
        return classes, (predicted[:, None] == classes).astype(float)
