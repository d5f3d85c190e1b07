"""A classifier that learns from the rows of the source alone."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression


class SourceOnly(ClassifierMixin, BaseEstimator):
    """Fit a clone of a classifier on the rows with a domain of 0 or more."""

    __metadata_request__fit = {"sample_domain": True}

    def __init__(self, C=1.0, classifier=None):
        self.C = C
        self.classifier = classifier

    def fit(self, X, y, sample_domain=None):
        y = np.asarray(y)
        rows = np.arange(len(y))
        if sample_domain is not None:
            rows = np.flatnonzero(np.asarray(sample_domain) >= 0)
        classifier = self.classifier or LogisticRegression(C=self.C)
        self.fitted_domains_ = sample_domain
        X = X.iloc[rows] if hasattr(X, "iloc") else X[rows]
        self.model_ = clone(classifier).fit(X, np.asarray(y[rows].tolist()))
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)
