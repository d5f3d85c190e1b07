"""Parts of the baselines: columns of a table as numbers, and few samples a class."""

from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import check_array

from sktransfer._inputs.columns import TableColumns
from sktransfer._inputs.labels import repeat_few_labels


class TableEncoder(TransformerMixin, BaseEstimator):
    """Convert the columns of a data frame to numbers, as "tabular" does.

    Categories and strings are replaced by their positions, and missing values by NaN.

    Parameters
    ----------
    one_hot : bool, default=False
        Whether categories without an order are one-hot encoded, and missing values of
        the other columns replaced by medians. New categories are 0 in all columns.
    """

    def __init__(self, *, one_hot=False):
        self.one_hot = one_hot

    def fit(self, X, y=None):
        """Learn categories and medians.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_columns)
            Samples.
        y : None
            Ignored.

        Returns
        -------
        self : TableEncoder
        """
        self.columns_, self.encoder_ = TableColumns(X), None
        if self.one_hot:
            encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            self.encoder_ = ColumnTransformer(
                [("categories", encoder, self.columns_.nominal)],
                remainder=SimpleImputer(strategy="median", keep_empty_features=True),
            ).fit(self._numbers(X))
        return self

    def transform(self, X):
        """Convert the columns.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_columns)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_numbers), float
        """
        numbers = self._numbers(X)
        return numbers if self.encoder_ is None else self.encoder_.transform(numbers)

    def _numbers(self, X):
        if self.columns_.are_numbers:
            return check_array(X, ensure_all_finite="allow-nan")
        return self.columns_.transform(X)


class FewLabels(ClassifierMixin, BaseEstimator):
    """Fit a classifier of scikit-learn without a warning of many classes.

    Parameters
    ----------
    estimator : classifier
        Its loss is weighted by `sample_weight`.
    counts : tuple of str, default=()
        Parameters that count samples.
    """

    def __init__(self, estimator, *, counts=()):
        self.estimator = estimator
        self.counts = counts

    def fit(self, X, y):
        """Fit a copy of the classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : ndarray of shape (n_samples,)
            Class labels.

        Returns
        -------
        self : FewLabels
        """
        estimator = clone(self.estimator)
        X, y, sample_weight = repeat_few_labels(X, y)
        if sample_weight is not None:
            doubled = {name: 2 * getattr(estimator, name) for name in self.counts}
            estimator.set_params(**doubled)
        self.estimator_ = estimator.fit(X, y, sample_weight)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X):
        """Predict class labels, of shape (n_samples,)."""
        return self.estimator_.predict(X)

    def predict_proba(self, X):
        """Predict class probabilities, of shape (n_samples, n_classes)."""
        return self.estimator_.predict_proba(X)

    def decision_function(self, X):
        """Predict the decision function of the classifier."""
        return self.estimator_.decision_function(X)
