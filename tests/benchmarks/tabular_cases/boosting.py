"""Gradient boosting whose settings are searched for."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier

from tabular_cases.measures import log_loss

_MOST_TREES, _PATIENCE = 500, 20


class TunedBoosting(ClassifierMixin, BaseEstimator):
    """Gradient boosting with the best of some random settings.

    Each setting is fitted on three quarters of the rows. The number of trees, and the
    setting, are those with the lowest log loss of the last quarter. Then the best one
    is fitted on all rows.

    Parameters
    ----------
    n_settings : int, default=20
        Number of settings.
    random_state : int or None, default=None
        Draws the settings and the quarter.
    """

    def __init__(self, n_settings=20, *, random_state=None):
        self.n_settings = n_settings
        self.random_state = random_state

    def fit(self, X, y):
        """Search and fit; see the class."""
        rng = np.random.default_rng(self.random_state)
        train, validation = _quarter(np.asarray(y), rng)
        held = {"X_val": X.iloc[validation], "y_val": y[validation]}
        best, least = None, np.inf
        for _ in range(self.n_settings):
            parameters = _draw(rng)
            model = self._boosting(
                parameters,
                max_iter=_MOST_TREES,
                early_stopping=True,
                n_iter_no_change=_PATIENCE,
            )
            model.fit(X.iloc[train], y[train], **held)
            loss = log_loss(model.predict_proba(held["X_val"]), held["y_val"])
            if loss < least:
                best, least = parameters | {"max_iter": model.n_iter_}, loss
        self.best_params_ = best
        self.model_ = self._boosting(best, early_stopping=False).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        """Probabilities of the classes."""
        return self.model_.predict_proba(X)

    def predict(self, X):
        """Most probable classes."""
        return self.model_.predict(X)

    def _boosting(self, parameters, **more):
        return HistGradientBoostingClassifier(
            categorical_features="from_dtype",
            random_state=self.random_state,
            **parameters,
            **more,
        )


def _draw(rng):
    return {
        "learning_rate": float(np.exp(rng.uniform(np.log(0.02), np.log(0.3)))),
        "max_leaf_nodes": int(np.exp(rng.uniform(np.log(4), np.log(64)))),
        "min_samples_leaf": int(np.exp(rng.uniform(np.log(2), np.log(100)))),
        "l2_regularization": float(np.exp(rng.uniform(np.log(1e-3), np.log(100)))),
        "max_features": float(rng.uniform(0.3, 1.0)),
    }


def _quarter(y, rng):
    """Rows to train on, with one of each class at least, and a quarter of the rows."""
    rows = rng.permutation(len(y))
    _, first = np.unique(y[rows], return_index=True)
    rows = np.r_[rows[first], np.delete(rows, first)]
    return np.split(rows, [len(y) - len(y) // 4])
