"""What the mappings share: checks of both domains, and which samples are mapped."""

import numpy as np
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from sktransfer._inputs.domain_samples import check_target
from sktransfer._suggestions import SuggestingMixin, suggest_keywords
from sktransfer._warnings import warn_user


def column_scales(X):
    """Return mean and standard deviation of each column; 1 for a constant column."""
    center, scale = X.mean(axis=0), X.std(axis=0)
    scale[scale <= 1e-9 * np.abs(center)] = 1.0
    return center, scale


class SourceMapping(
    SuggestingMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Base class of transformers that map the source samples of a fit."""

    __metadata_request__fit = {"X_target": True}

    @suggest_keywords
    def fit(self, X, y=None, *, X_target=None):
        """Check the samples of both domains.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples of the source.
        y : array-like of shape (n_samples,) or None, default=None
            Labels of the source.
        X_target : array-like of shape (n_target, n_features) or tuple
            Samples of the target. A search or cross-validation does not split a tuple
            of one array. None maps nothing, with a warning.

        Returns
        -------
        self : object
        """
        self.fit_transform(X, y, X_target=X_target)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    @suggest_keywords
    def fit_transform(self, X, y=None, *, X_target=None):
        """Map the source samples onto the target.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples of the source.
        y : array-like of shape (n_samples,) or None, default=None
            Labels of the source.
        X_target : array-like of shape (n_target, n_features) or tuple
            Samples of the target, as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float64
            The mapped samples.
        """
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        if y is not None:
            check_consistent_length(X, y)
        if X_target is None:
            warn_user(
                f"{type(self).__name__} got no samples of a target, so it maps "
                "nothing. Pass X_target."
            )
            return X
        X_target = check_target(
            lambda X: validate_data(self, X, dtype=np.float64, reset=False),
            X_target,
            X,
            warns_of_scale=False,
        )
        if len(X_target) < 2:
            raise ValueError("X_target has 1 sample; expected at least 2.")
        # The result then does not depend on the units of the columns.
        center, scale = column_scales(X)
        mapped = self._map((X - center) / scale, y, (X_target - center) / scale)
        return center + scale * mapped

    def transform(self, X):
        """Return samples of the target as they are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples of the target.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float64
        """
        check_is_fitted(self, "n_features_in_")
        return validate_data(self, X, dtype=np.float64, reset=False)
