"""Splitters that test each sample once, or each domain once."""

import numbers

import numpy as np
from sklearn.utils._param_validation import Interval

from sktransfer._random import make_rng
from sktransfer.model_selection._splitter import BaseDomainSplitter
from sktransfer.model_selection.shuffle_split import SIZE, draw


class StratifiedDomainKFold(BaseDomainSplitter):
    """K-fold cross-validation, stratified by class and domain.

    Each sample is in one test fold. All folds have the same fraction of each class of
    each domain.

    The labels of target samples in y are used too. Samples whose label is None or NaN
    count as a class of their own.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether the samples of each fold are drawn at random. Otherwise they are
        assigned to the folds in turn.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffle. With an int, each call of `split` returns the same folds.

    See Also
    --------
    StratifiedDomainShuffleSplit : Draws new test samples for each split.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.model_selection import StratifiedDomainKFold
    >>> sample_domain = np.repeat([0, -1], [20, 10])
    >>> y = np.tile([0, 1], 15)
    >>> cv = StratifiedDomainKFold(5)
    >>> for train, test in cv.split(y, y, sample_domain=sample_domain):
    ...     print(test, y[test], sample_domain[test])
    [ 0  1 10 11 20 21] [0 1 0 1 0 1] [ 0  0  0  0 -1 -1]
    [ 2  3 12 13 22 23] [0 1 0 1 0 1] [ 0  0  0  0 -1 -1]
    [ 4  5 14 15 24 25] [0 1 0 1 0 1] [ 0  0  0  0 -1 -1]
    [ 6  7 16 17 26 27] [0 1 0 1 0 1] [ 0  0  0  0 -1 -1]
    [ 8  9 18 19 28 29] [0 1 0 1 0 1] [ 0  0  0  0 -1 -1]
    """

    _parameter_constraints = {
        "n_splits": [Interval(numbers.Integral, 2, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(self, n_splits=5, *, shuffle=False, random_state=None):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def _split(self, y, domains):
        codes = self._class_codes(y, domains)
        values, counts = np.unique(domains, return_counts=True)
        for domain, n_samples in zip(values, counts, strict=True):
            if n_samples < self.n_splits:
                raise ValueError(
                    f"n_splits={self.n_splits} is more than the {n_samples} samples of "
                    f"domain {domain}; each fold needs a sample of each domain."
                )
        priority = np.arange(len(domains))
        if self.shuffle:
            priority = make_rng(self.random_state).permutation(priority)
        # In this order, samples of the same domain and class are next to each other.
        # Numbering the folds in turn then balances each class and each domain: folds
        # differ by at most one sample.
        order = np.lexsort((priority, codes, domains))
        fold = np.empty(len(domains), dtype=int)
        fold[order] = np.arange(len(domains)) % self.n_splits
        for k in range(self.n_splits):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


class LeaveOneDomainOut(BaseDomainSplitter):
    """Use each domain as the target once, and the other domains as sources.

    The sign of sample_domain says whether a sample is used as source or as target. So
    X must contain the samples of domain d (1 or more) twice: as d, for the splits that
    train on their labels, and as -d, for the split that adapts to them. That split has
    the samples of -d and of all other sources; it has neither d itself nor other
    targets. The same fraction of its source and of its target is for testing. A target
    without a source of the same number is in no split.

    To leave out domains without adapting to them, use scikit-learn's
    `~sklearn.model_selection.LeaveOneGroupOut`.

    Parameters
    ----------
    max_n_splits : int, default=10
        Maximum number of splits. With more domains, the targets are drawn at random.
    test_size : float, int or None, default=None
        Fraction (float) or number (int) of test samples, of the source and of the
        target each. None is the complement of `train_size`, or 0.1 if both are None.
    train_size : float, int or None, default=None
        Fraction or number of training samples. None is all samples that are not
        tested.
    random_state : int, RandomState instance or None, default=None
        Seed. With an int, each call of `split` returns the same splits.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.model_selection import LeaveOneDomainOut
    >>> X, domain = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 3 + 1
    >>> X_twice, sample_domain = (
    ...     np.concatenate([X, X]),
    ...     np.concatenate([domain, -domain]),
    ... )
    >>> cv = LeaveOneDomainOut(random_state=0)
    >>> for train, test in cv.split(X_twice, sample_domain=sample_domain):
    ...     print(np.unique(sample_domain[train]), np.unique(sample_domain[test]))
    [-1  2  3] [-1  2  3]
    [-2  1  3] [-2  1  3]
    [-3  1  2] [-3  1  2]
    """

    _parameter_constraints = {
        "max_n_splits": [Interval(numbers.Integral, 1, None, closed="left")],
        "test_size": SIZE,
        "train_size": SIZE,
        "random_state": ["random_state"],
    }

    def __init__(
        self, max_n_splits=10, *, test_size=None, train_size=None, random_state=None
    ):
        self.max_n_splits = max_n_splits
        self.test_size = test_size
        self.train_size = train_size
        self.random_state = random_state

    def get_n_splits(self, X=None, y=None, sample_domain=None, groups=None):
        """Return the number of splits.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or None, default=None
            Samples.
        y : None
            Ignored.
        sample_domain : array-like of shape (n_samples,)
            Domains of the samples.
        groups : array-like of shape (n_samples,) or None, default=None
            The same, without metadata routing.

        Returns
        -------
        int
            Number of source domains, at most `max_n_splits`.
        """
        if X is None:
            X = groups if sample_domain is None else sample_domain
        domains = _left_out(self._check_domains(X, sample_domain, groups))
        return min(len(domains), self.max_n_splits)

    def _split(self, y, domains):
        rng = make_rng(self.random_state)
        left_out = _left_out(domains)
        if len(left_out) > self.max_n_splits:
            left_out = np.sort(rng.choice(left_out, self.max_n_splits, replace=False))
        for domain in left_out:
            is_source = (domains >= 0) & (domains != domain)
            groups = [
                (f"Domain {-domain}", np.flatnonzero(domains == -domain)),
                (f"The source without domain {domain}", np.flatnonzero(is_source)),
            ]
            strata = np.zeros(len(domains), dtype=int)
            yield draw(groups, strata, self.test_size, self.train_size, rng)


def _left_out(domains):
    """Return the source domains; check that each is in the data as a target too."""
    sources = np.unique(domains[domains >= 0])
    alone = sources[(sources == 0) | ~np.isin(-sources, domains)]
    if len(alone) or len(sources) < 2:
        raise ValueError(
            "LeaveOneDomainOut needs the samples of two or more domains twice, as d "
            "(source) and as -d (target), with d at least 1: "
            "X=np.concatenate([X, X]) and sample_domain=np.concatenate([domain, "
            f"-domain]). The sources are {sources.tolist()}; without a target: "
            f"{alone.tolist()}."
        )
    return sources
