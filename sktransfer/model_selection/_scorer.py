"""What the scorers share: their metadata request, their arguments, rows by domain."""

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sktransfer._inputs.domains import as_labels, check_sample_domain, is_unlabeled

CONSTRAINTS = {"sample_domain": [callable, None]}


class BaseDomainScorer(BaseEstimator, ABC):
    """Scorer that takes sample_domain, by metadata routing or from a function of X."""

    __metadata_request__score = {"sample_domain": True, "estimator": UNUSED}

    _parameter_constraints = CONSTRAINTS
    # Fewest rows of each domain that the score is defined for.
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
        X : array-like of shape (n_samples, ...)
            Test rows of both domains.
        y : array-like of shape (n_samples,) or None, default=None
            Labels. Those of target rows are read by `SupervisedScorer` alone, and may
            be anything, None and NaN too.
        sample_domain : array-like of shape (n_samples,) or None, default=None
            Integers, 0 or more for rows of a source and less than 0 for rows of a
            target. None takes those of the function `sample_domain`.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            When sample_domain is missing or not usable, or there are too few rows of
            a domain.
        TypeError
            When the estimator lacks a method that is needed.
        """
        self._validate_params()
        if sample_domain is None:
            if self.sample_domain is None:
                raise ValueError(
                    f"{type(self).__name__} got no sample_domain. Within "
                    "sklearn.config_context(enable_metadata_routing=True) pass "
                    "sample_domain to fit of the search, or in params of "
                    "cross_validate. Without metadata routing make the scorer as "
                    f"{type(self).__name__}(sample_domain=function), with a function "
                    "that gives the domains of the rows of X, for example "
                    "lambda X: domains[X.index]."
                )
            sample_domain = self.sample_domain(X)
        domains = check_sample_domain(sample_domain, X)
        for name, found, needed in (
            ("source", int((domains >= 0).sum()), self._min_source),
            ("target", int((domains < 0).sum()), self._min_target),
        ):
            if found < needed:
                raise ValueError(
                    f"{type(self).__name__} needs at least {needed} test row"
                    f"{'s' * (needed > 1)} of the {name}, sample_domain "
                    f"{'>= 0' if name == 'source' else '< 0'}; got {found}, with the "
                    f"domains {np.unique(domains).tolist()}. StratifiedDomainKFold and "
                    "SourceTargetShuffleSplit put rows of both in each test fold."
                )
        if y is not None:
            check_consistent_length(X, y)
            y = column_or_1d(y)
        return float(self._score_rows(estimator, X, y, domains))

    # scikit-learn reads what is requested for "score" off a method of that name.
    score = __call__

    def _accept_sample_weight(self):
        return False

    @abstractmethod
    def _score_rows(self, estimator, X, y, domains):
        """Score checked rows."""


class LabelFreeScorer(BaseDomainScorer):
    """Scorer to which the labels of the target are not handed."""

    def _score_rows(self, estimator, X, y, domains):
        y_source = None if y is None else y[domains >= 0]
        return self._score(estimator, ScoredRows(X, y_source, domains, self))

    @abstractmethod
    def _score(self, estimator, rows):
        """Score ScoredRows."""


class ScoredRows:
    """Rows by domain, without the labels of the target.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        Rows.
    y_source : ndarray of shape (n_source,) or None
        Labels of the source's rows.
    domains : ndarray of shape (n_samples,), int
        Domains.
    scorer : BaseDomainScorer
        Named in errors.
    """

    def __init__(self, X, y_source, domains, scorer):
        self.X = X
        self.domains = domains
        self.is_source = domains >= 0
        self._y_source = y_source
        self._scorer = type(scorer).__name__

    @cached_property
    def X_source(self):
        """Rows of the source."""
        return _safe_indexing(self.X, np.flatnonzero(self.is_source))

    @cached_property
    def X_target(self):
        """Rows of the target."""
        return _safe_indexing(self.X, np.flatnonzero(~self.is_source))

    @property
    def y_source(self):
        """Labels of the source's rows."""
        if self._y_source is None:
            raise ValueError(
                f"{self._scorer} needs y, the labels of the source's rows."
            )
        n_missing = int(is_unlabeled(self._y_source).sum())
        if n_missing:
            raise ValueError(
                f"{self._scorer} needs a label for each row of the source; "
                f"{n_missing} are None or NaN."
            )
        return as_labels(self._y_source)

    def predict_proba(self, estimator, X):
        """Class probabilities, ndarray of shape (n, n_classes), float64."""
        if not hasattr(estimator, "predict_proba"):
            raise TypeError(
                f"{self._scorer} needs an estimator with predict_proba; "
                f"{type(estimator).__name__} has none."
            )
        return np.asarray(estimator.predict_proba(X), dtype=np.float64)


def predict(estimator, X):
    """Predicted labels, comparable with those of `as_labels`."""
    return as_labels(estimator.predict(X))
