"""EnsembleAgreement: the candidate of a search that agrees most with all of them."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.parallel import Parallel, delayed

_SCORE = "mean_test_"


class EnsembleAgreement(BaseEstimator):
    r"""Choose the candidate of a search that agrees most with all candidates.

    It is for the parameter `refit` of `GridSearchCV` and `RandomizedSearchCV`. A scorer
    sees one candidate at a time; this sees all of them. Each candidate is fitted once
    more, on all samples. The mean of their class probabilities for the target samples
    is the prediction of the ensemble. The candidate that predicts the same class as the
    ensemble for most target samples is chosen [1]_; of several, the first.

    It is right if most candidates are better than those that mislead. A grid in which
    most candidates fail in the same way on the target, such as methods that align the
    features under a label shift, misleads it.

    Candidates with a score of NaN in the search are left out. The scores of the search
    have no other effect, so one split is enough:
    ``cv=SourceTargetShuffleSplit(n_splits=1)``.

    Parameters
    ----------
    estimator : classifier
        The estimator of the search. It is cloned.
    X : array-like of shape (n_samples, ...)
        Samples of `fit`.
    y : array-like of shape (n_samples,)
        Labels of `fit`.
    X_target : array-like of shape (n_target, ...)
        Samples of the target, without labels; usually a part of X.
    fit_params : dict or None, default=None
        Other parameters of `fit`, as the search gets them, such as
        ``{"sample_domain": sample_domain}``.
    n_jobs : int or None, default=None
        Number of candidates that are fitted at the same time. None is 1, -1 is all
        processors.

    Attributes
    ----------
    agreement_ : ndarray of shape (n_candidates,)
        Fraction of target samples for which a candidate and the ensemble predict the
        same class, in the order of ``cv_results_["params"]``. NaN for candidates that
        were left out.

    See Also
    --------
    InfoMaxScorer : Needs no other candidate.

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
    >>> agreement = EnsembleAgreement(
    ...     clf,
    ...     X,
    ...     y,
    ...     X_target=X[sample_domain < 0],
    ...     fit_params={"sample_domain": sample_domain},
    ... )
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
        "X_target": "no_validation",
        "fit_params": [dict, None],
        "n_jobs": [int, None],
    }

    def __init__(self, estimator, X, y, *, X_target, fit_params=None, n_jobs=None):
        self.estimator = estimator
        self.X = X
        self.y = y
        self.X_target = X_target
        self.fit_params = fit_params
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
            When all scores are NaN, or the candidates have other classes.
        """
        self._validate_params()
        scores = [cv_results[key] for key in cv_results if key.startswith(_SCORE)]
        is_valid = ~np.isnan(np.mean(scores, axis=0))
        if not is_valid.any():
            raise ValueError(
                "The score of each candidate is NaN; see the errors of the search with "
                "error_score='raise'."
            )
        chosen = np.flatnonzero(is_valid)
        fits = Parallel(n_jobs=self.n_jobs)(
            delayed(self._predict)(cv_results["params"][i]) for i in chosen
        )
        classes = fits[0][0]
        for other, _ in fits:
            if not np.array_equal(other, classes):
                raise ValueError(
                    "The candidates have other classes: "
                    f"{classes.tolist()} and {other.tolist()}."
                )
        proba = np.array([p for _, p in fits])
        predicted = proba.mean(axis=0).argmax(axis=1)
        self.agreement_ = np.full(len(is_valid), np.nan)
        self.agreement_[chosen] = (proba.argmax(axis=2) == predicted).mean(axis=1)
        return int(np.nanargmax(self.agreement_))

    def _predict(self, params):
        """Fit a candidate; return its classes and the probabilities of the target."""
        model = clone(self.estimator).set_params(**clone(params, safe=False))
        model.fit(self.X, self.y, **(self.fit_params or {}))
        if hasattr(model, "predict_proba"):
            return model.classes_, model.predict_proba(self.X_target)
        predicted = model.predict(self.X_target)
        return model.classes_, (predicted[:, None] == model.classes_).astype(float)
