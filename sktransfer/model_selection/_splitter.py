"""What the splitters share: metadata request, checks, strata."""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sktransfer._inputs.domains import check_sample_domain
from sktransfer._inputs.unlabeled import is_unlabeled, label_array


class BaseDomainSplitter(BaseEstimator, ABC):
    """Splitter with sample_domain, from metadata routing or as groups."""

    __metadata_request__split = {"sample_domain": True, "groups": UNUSED}

    def split(self, X, y=None, sample_domain=None, groups=None):
        """Yield the training and test indices of each split.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,) or None, default=None
            Class labels. Only stratified splitters need them.
        sample_domain : array-like of shape (n_samples,)
            Integers: 0 or more for source samples, less than 0 for target samples.
        groups : array-like of shape (n_samples,) or None, default=None
            The same as sample_domain, under the name that scikit-learn uses without
            metadata routing.

        Yields
        ------
        train : ndarray of int
            Indices of the training samples.
        test : ndarray of int
            Indices of the test samples.

        Raises
        ------
        ValueError
            When sample_domain is missing or not valid, or there are too few samples.
        """
        self._validate_params()
        yield from self._split(y, self._check_domains(X, sample_domain, groups))

    def get_n_splits(self, X=None, y=None, sample_domain=None, groups=None):
        """Return `n_splits`; all arguments are ignored.

        Returns
        -------
        int
        """
        return self.n_splits

    @abstractmethod
    def _split(self, y, domains):
        """Yield the splits, from labels and checked domains."""

    def _check_domains(self, X, sample_domain, groups):
        if sample_domain is None:
            sample_domain = groups
        if sample_domain is None:
            raise ValueError(
                f"{type(self).__name__} needs sample_domain. Within "
                "sklearn.config_context(enable_metadata_routing=True) pass "
                "sample_domain to fit, or in params of cross_validate; otherwise pass "
                "groups=sample_domain, and sample_domain to a classifier that uses it."
            )
        return check_sample_domain(sample_domain, X)

    def _class_codes(self, y, domains):
        """Number the classes from 0; samples without a label have the code -1."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} needs y, to stratify by class; without labels "
                "use DomainShuffleSplit."
            )
        y = column_or_1d(label_array(y))
        check_consistent_length(y, domains)
        labeled = ~is_unlabeled(y, y[domains >= 0])
        codes = np.full(len(y), -1)
        # Labels in an array of objects are compared as the Python values that they are.
        labels = np.asarray(y[labeled].tolist())
        codes[labeled] = np.unique(labels, return_inverse=True)[1]
        return codes
