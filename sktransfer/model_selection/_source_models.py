"""Models of the source alone, and whether they fail on the target."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_method_params

from sktransfer._class_prior import class_prior
from sktransfer._evidence import evidence_row
from sktransfer._label_shift import (
    MAX_IMBALANCE,
    MAX_UNEXPLAINED,
    MIN_CONFIDENCE_DROP,
    MIN_UNCERTAINTY_RATIO,
    estimate_on_fold,
    mean_estimate,
)
from sktransfer._results_table import ResultsTable

_N_SPLITS = 2


class SourceModels:
    """Two models, each trained on one half of the source.

    Parameters
    ----------
    estimator : classifier
        Cloned. The method of a DomainAdaptedClassifier in it is not used.
    X_source : array-like of shape (n_samples, ...)
        Samples of the source.
    y : ndarray of shape (n_samples,)
        Their labels.
    fit_params : dict
        Parameters of `fit` for these samples.
    seed : int
        Seed of the halves.
    name : str
        Who asks, for error messages.
    """

    def __init__(self, estimator, X_source, y, fit_params, seed, name):
        if not hasattr(estimator, "predict_proba"):
            raise TypeError(
                f"{name} needs an estimator with predict_proba for its guard; "
                f"{type(estimator).__name__} has none. Use guard=False."
            )
        self.classes, self._y = np.unique(y, return_inverse=True)
        self._weight = _sample_weight(fit_params, len(y))
        counts = np.bincount(self._y[self._weight > 0], minlength=len(self.classes))
        if (counts >= _N_SPLITS).sum() < 2:
            raise ValueError(
                f"{name} trains on halves of the source for its guard, and needs two "
                f"samples with a weight above 0 of each of two classes; the classes "
                f"{self.classes.tolist()} have {counts.tolist()} samples. Use "
                "guard=False."
            )
        folds = StratifiedKFold(_N_SPLITS, shuffle=True, random_state=seed)
        source = _without_adaptation(estimator)
        self._folds = []
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class")
            warnings.filterwarnings("ignore", "There are no samples of a target")
            for train, test in folds.split(self._y, self._y):
                X_train, X_test = (_safe_indexing(X_source, i) for i in (train, test))
                params = _check_method_params(X_source, fit_params, train)
                model = clone(source).fit(X_train, y[train], **params)
                self._folds.append((model, test, self._proba(model, X_test)))

    def judge(self, X_target):
        """Predict the target, and say whether the models fail on it.

        Parameters
        ----------
        X_target : array-like of shape (n_target, ...)
            Samples of the target.

        Returns
        -------
        predicted : ndarray of shape (n_target,)
            Labels by the mean probabilities of the two models.
        evidence : ResultsTable
            Evidence, value, condition, and whether it holds. The models fail if all
            conditions hold.
        """
        prior = class_prior(self._y, self._weight, len(self.classes))
        results, target_proba = [], []
        for model, test, proba in self._folds:
            target_proba.append(self._proba(model, X_target))
            logits = (
                np.log(np.maximum(p, np.finfo(float).tiny))
                for p in (proba, target_proba[-1])
            )
            y, weight = self._y[test], self._weight[test]
            results.append(estimate_on_fold(*logits, y, weight, prior))
        predicted = self.classes[np.mean(target_proba, axis=0).argmax(axis=1)]
        return predicted, _evidence(mean_estimate(prior, results))

    def _proba(self, model, X):
        """Predict probabilities with a column for each class of the source."""
        predicted = model.predict_proba(X)
        proba = np.zeros((len(predicted), len(self.classes)))
        proba[:, np.searchsorted(self.classes, model.classes_)] = predicted
        return proba


def _evidence(estimate):
    rows = [
        (
            "uncertainty on the target, divided by that on the source",
            estimate.uncertainty_ratio,
            ">=",
            MIN_UNCERTAINTY_RATIO,
        ),
        (
            "fall of the confidence",
            estimate.confidence_drop,
            ">=",
            MIN_CONFIDENCE_DROP,
        ),
        (
            "total variation of the source from equal classes",
            estimate.imbalance,
            "<=",
            MAX_IMBALANCE,
        ),
        ("unexplained by a class prior", estimate.unexplained, ">", MAX_UNEXPLAINED),
    ]
    return ResultsTable([evidence_row(*row) for row in rows])


def _sample_weight(fit_params, n_samples):
    """Return the weights in parameters of `fit`; 1 if there are none."""
    for name, value in fit_params.items():
        if name.endswith("sample_weight") and value is not None:
            return np.asarray(value, dtype=float)
    return np.ones(n_samples)


def _without_adaptation(estimator):
    """Return a clone in which no DomainAdaptedClassifier adapts."""
    source = clone(estimator)
    values = {"method": "source_only", "target_labels": "ignore"}
    names = source.get_params(deep=True)
    prefixes = [
        name.removesuffix("method") for name in names if name.endswith("method")
    ]
    for prefix in prefixes:
        changes = {prefix + name: value for name, value in values.items()}
        if changes.keys() <= names.keys():
            source.set_params(**changes)
    return source
