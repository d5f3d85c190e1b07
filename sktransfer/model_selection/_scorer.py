"""What the scorers share: metadata request, checks, samples by domain."""

from functools import cached_property

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sktransfer._inputs.domains import as_labels, check_sample_domain
from sktransfer._inputs.unlabeled import is_missing_label, label_array

CONSTRAINTS = {"sample_domain": [callable, None]}


class BaseDomainScorer(BaseEstimator):
    """Scorer with sample_domain, from metadata routing or from a function of X."""

    __metadata_request__score = {"sample_domain": True, "estimator": UNUSED}

    _parameter_constraints = CONSTRAINTS
    # Smallest number of samples of each domain for which the score is defined.
    _min_source = 0
    _min_target = 1

    def __init__(self, *, sample_domain=None):
        self.sample_domain = sample_domain

    def __call__(self, estimator, X, y=None, sample_domain=None):
        """Score a fitted classifier; greater is better.

        Parameters
        ----------
        estimator : classifier
            Fitted.
        X : array-like or data frame of shape (n_samples, ...)
            Test samples of both domains, as `estimator` accepts them.
        y : array-like of shape (n_samples,) or None, default=None
            Labels. Only `SupervisedScorer` reads those of target samples; for the
            other scorers they may have any value, such as None or NaN.
        sample_domain : array-like of shape (n_samples,) or None, default=None
            Integers: 0 or more for source samples, less than 0 for target samples.
            None calls the function `sample_domain` of the scorer.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            When sample_domain is missing or not valid, or a domain has too few
            samples.
        TypeError
            When the estimator lacks a method that the scorer needs.
        """
        self._validate_params()
        if sample_domain is None:
            if self.sample_domain is None:
                raise ValueError(
                    f"{type(self).__name__} got no sample_domain. Within "
                    "sklearn.config_context(enable_metadata_routing=True) pass "
                    "sample_domain to fit of the search, in params of cross_validate, "
                    "or to score of the search: score(X, y, sample_domain=...). "
                    "Without metadata routing create the scorer as "
                    f"{type(self).__name__}(sample_domain=function). The function "
                    "returns the domain of each sample of X, for example "
                    "lambda X: domains[X.index]."
                )
            sample_domain = self.sample_domain(X)
        domains = check_sample_domain(sample_domain, X)
        for name, n_samples, n_needed in (
            ("source", int((domains >= 0).sum()), self._min_source),
            ("target", int((domains < 0).sum()), self._min_target),
        ):
            if n_samples < n_needed:
                raise ValueError(
                    f"{type(self).__name__} needs at least {n_needed} test sample"
                    f"{'s' * (n_needed > 1)} of the {name}, with sample_domain "
                    f"{'>= 0' if name == 'source' else '< 0'}; got {n_samples}, with "
                    f"the domains {np.unique(domains).tolist()}. "
                    "StratifiedDomainKFold and SourceTargetShuffleSplit put samples "
                    "of both domains into each test fold."
                )
        if y is not None:
            check_consistent_length(X, y)
            y = column_or_1d(label_array(y))
        return float(self._score_samples(estimator, X, y, domains))

    # scikit-learn reads the metadata request for "score" from a method of that name.
    score = __call__

    def _accept_sample_weight(self):
        return False

    def _score_samples(self, estimator, X, y, domains):
        """Score checked samples, by `_score`, which gets no labels of the target."""
        y_source = None if y is None else y[domains >= 0]
        return self._score(estimator, ScoredSamples(X, y_source, domains, self))


class ScoredSamples:
    """Samples by domain, without the labels of the target.

    Parameters
    ----------
    X : array-like or data frame of shape (n_samples, ...)
        Samples.
    y_source : ndarray of shape (n_samples_source,) or None
        Labels of the source samples.
    domains : ndarray of shape (n_samples,), int
        Domains.
    scorer : BaseDomainScorer
        Its class is named in errors.
    """

    def __init__(self, X, y_source, domains, scorer):
        self.X = X
        self.domains = domains
        self.is_source = domains >= 0
        self._y_source = y_source
        self._scorer = type(scorer).__name__

    @cached_property
    def X_source(self):
        """Source samples."""
        return _safe_indexing(self.X, np.flatnonzero(self.is_source))

    @cached_property
    def X_target(self):
        """Target samples."""
        return _safe_indexing(self.X, np.flatnonzero(~self.is_source))

    @property
    def y_source(self):
        """Labels of the source samples."""
        if self._y_source is None:
            raise ValueError(f"{self._scorer} needs y, the labels of source samples.")
        n_missing = int(is_missing_label(self._y_source).sum())
        if n_missing:
            raise ValueError(
                f"{self._scorer} needs a label for each source sample, but {n_missing} "
                "labels are None or NaN."
            )
        return as_labels(self._y_source)

    def predict(self, estimator, X):
        """Predict labels that can be compared with `y_source`."""
        return as_labels(estimator.predict(X))

    def predict_proba(self, estimator, X):
        """Predict class probabilities, ndarray of shape (n, n_classes), float64."""
        if not hasattr(estimator, "predict_proba"):
            raise TypeError(
                f"{self._scorer} needs an estimator with predict_proba; "
                f"{type(estimator).__name__} has none."
            )
        return np.asarray(estimator.predict_proba(X), dtype=np.float64)
