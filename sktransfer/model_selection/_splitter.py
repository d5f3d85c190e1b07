"""What the splitters share: their metadata request, their arguments, strata."""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sktransfer._inputs.domains import check_sample_domain, is_unlabeled


class BaseDomainSplitter(BaseEstimator, ABC):
    """Splitter that takes sample_domain, by metadata routing or as groups."""

    __metadata_request__split = {"sample_domain": True, "groups": UNUSED}

    def split(self, X, y=None, sample_domain=None, groups=None):
        """Give the training and the test rows of each split.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.
        y : array-like of shape (n_samples,) or None, default=None
            Class labels, where the splitter keeps the classes' shares.
        sample_domain : array-like of shape (n_samples,)
            Integers, 0 or more for rows of a source and less than 0 for rows of a
            target.
        groups : array-like of shape (n_samples,) or None, default=None
            The same by the name under which scikit-learn passes it without metadata
            routing.

        Yields
        ------
        train : ndarray of int
            Indices of the training rows.
        test : ndarray of int
            Indices of the test rows.

        Raises
        ------
        ValueError
            When sample_domain is missing or not usable, or there are too few rows.
        """
        self._validate_params()
        yield from self._split(y, self._check_domains(X, sample_domain, groups))

    @abstractmethod
    def _split(self, y, domains):
        """Give the splits of rows with these labels and checked domains."""

    def _check_domains(self, X, sample_domain, groups):
        if sample_domain is None:
            sample_domain = groups
        if sample_domain is None:
            raise ValueError(
                f"{type(self).__name__} needs sample_domain. Within "
                "sklearn.config_context(enable_metadata_routing=True) pass "
                "sample_domain to fit, or in params of cross_validate; otherwise pass "
                "groups=sample_domain."
            )
        return check_sample_domain(sample_domain, X)


class FixedNumberMixin:
    """A splitter whose number of splits is a parameter."""

    def get_n_splits(self, X=None, y=None, sample_domain=None, groups=None):
        """Give the number of splits, `n_splits`; all arguments are ignored.

        Returns
        -------
        int
        """
        return self.n_splits


def class_codes(y, domains, splitter):
    """Number the classes from 0; rows without a label are one class, -1."""
    if y is None:
        raise ValueError(
            f"{type(splitter).__name__} needs y to keep the classes' shares; without "
            "labels use DomainShuffleSplit."
        )
    y = column_or_1d(y)
    check_consistent_length(y, domains)
    labeled = ~is_unlabeled(y)
    codes = np.full(len(y), -1)
    # Python values, so that the labels of an array of objects compare as they should.
    codes[labeled] = np.unique(np.asarray(y[labeled].tolist()), return_inverse=True)[1]
    return codes
