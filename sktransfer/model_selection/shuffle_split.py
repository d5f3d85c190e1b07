"""Splitters that draw random test samples for each split."""

import numbers

import numpy as np
from sklearn.model_selection._split import _validate_shuffle_split
from sklearn.utils._param_validation import Interval

from sktransfer._random import make_rng
from sktransfer.model_selection._splitter import BaseDomainSplitter

# Constraints of test_size and train_size.
SIZE = [
    Interval(numbers.Real, 0, 1, closed="neither"),
    Interval(numbers.Integral, 1, None, closed="left"),
    None,
]


class BaseDomainShuffleSplit(BaseDomainSplitter):
    """Draw test samples from each group of samples separately."""

    _parameter_constraints = {
        "n_splits": [Interval(numbers.Integral, 1, None, closed="left")],
        "test_size": SIZE,
        "train_size": SIZE,
        "random_state": ["random_state"],
    }

    def __init__(
        self, n_splits=10, *, test_size=None, train_size=None, random_state=None
    ):
        self.n_splits = n_splits
        self.test_size = test_size
        self.train_size = train_size
        self.random_state = random_state

    def _split(self, y, domains):
        groups, strata = self._groups(domains), self._strata(y, domains)
        rng = make_rng(self.random_state)
        for _ in range(self.n_splits):
            yield draw(groups, strata, self.test_size, self.train_size, rng)

    def _groups(self, domains):
        """Return the name and the sample indices of each group."""
        return [
            (f"Domain {domain}", np.flatnonzero(domains == domain))
            for domain in np.unique(domains)
        ]

    def _strata(self, y, domains):
        """Return the stratum of each sample; all are in one unless overridden."""
        return np.zeros(len(domains), dtype=int)


class SourceTargetShuffleSplit(BaseDomainShuffleSplit):
    """Draw the same fraction of source and of target samples for testing.

    Training and test sets have samples of both. Estimators and scorers for domain
    adaptation need this. All source domains count as one, and so do all targets.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float, int or None, default=None
        Fraction (float) or number (int) of test samples, of the source and of the
        target each. None is the complement of `train_size`, or 0.1 if both are None.
    train_size : float, int or None, default=None
        Fraction or number of training samples. None is all samples that are not
        tested.
    random_state : int, RandomState instance or None, default=None
        Seed. With an int, each call of `split` returns the same splits.

    See Also
    --------
    DomainShuffleSplit : Draws the same fraction of each single domain.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.model_selection import SourceTargetShuffleSplit
    >>> sample_domain = np.repeat([0, 1, -1], [40, 20, 20])
    >>> cv = SourceTargetShuffleSplit(1, test_size=0.5, random_state=0)
    >>> train, test = next(cv.split(sample_domain, sample_domain=sample_domain))
    >>> int((sample_domain[test] >= 0).sum()), int((sample_domain[test] < 0).sum())
    (30, 10)
    """

    def _groups(self, domains):
        groups = [
            ("The source", np.flatnonzero(domains >= 0)),
            ("The target", np.flatnonzero(domains < 0)),
        ]
        for name, indices in groups:
            if not len(indices):
                raise ValueError(
                    f"{name} has no samples: sample_domain has the values "
                    f"{np.unique(domains).tolist()}; expected 0 or more for the source "
                    "and less than 0 for the target."
                )
        return groups


class DomainShuffleSplit(BaseDomainShuffleSplit):
    """Draw the same fraction of the samples of each domain for testing.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float, int or None, default=None
        Fraction (float) or number (int) of test samples of each domain. None is the
        complement of `train_size`, or 0.1 if both are None.
    train_size : float, int or None, default=None
        Fraction or number of training samples. None is all samples that are not
        tested.
    random_state : int, RandomState instance or None, default=None
        Seed. With an int, each call of `split` returns the same splits.

    See Also
    --------
    StratifiedDomainShuffleSplit : Also stratifies by class.
    SourceTargetShuffleSplit : Draws from all sources as from one domain.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.model_selection import DomainShuffleSplit
    >>> sample_domain = np.repeat([0, 1, -1], [40, 20, 20])
    >>> cv = DomainShuffleSplit(1, test_size=0.25, random_state=0)
    >>> train, test = next(cv.split(sample_domain, sample_domain=sample_domain))
    >>> [int((sample_domain[test] == domain).sum()) for domain in (0, 1, -1)]
    [10, 5, 5]
    """


class StratifiedDomainShuffleSplit(BaseDomainShuffleSplit):
    """Draw the same fraction of each class of each domain for testing.

    The labels of target samples in y are used too. Samples whose label is None or NaN
    count as a class of their own.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float, int or None, default=None
        Fraction (float) or number (int) of test samples of each domain. None is the
        complement of `train_size`, or 0.1 if both are None.
    train_size : float, int or None, default=None
        Fraction or number of training samples. None is all samples that are not
        tested.
    random_state : int, RandomState instance or None, default=None
        Seed. With an int, each call of `split` returns the same splits.

    See Also
    --------
    StratifiedDomainKFold : Tests each sample once.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.model_selection import StratifiedDomainShuffleSplit
    >>> sample_domain = np.repeat([0, -1], 20)
    >>> y = np.array(([0] * 16 + [1] * 4) * 2)
    >>> cv = StratifiedDomainShuffleSplit(1, test_size=0.25, random_state=0)
    >>> train, test = next(cv.split(y, y, sample_domain=sample_domain))
    >>> [int(y[test][sample_domain[test] == domain].sum()) for domain in (0, -1)]
    [1, 1]
    """

    def _strata(self, y, domains):
        return self._class_codes(y, domains)


def draw(groups, strata, test_size, train_size, rng):
    """Draw training and test samples from each group, stratified.

    Parameters
    ----------
    groups : list of (str, ndarray of int)
        Name of each group, for errors, and the indices of its samples.
    strata : ndarray of shape (n_samples,), int
        Stratum of each sample.
    test_size, train_size : float, int or None
        As in the splitters.
    rng : numpy.random.Generator
        Random numbers.

    Returns
    -------
    train, test : ndarray of int
        Disjoint indices, in random order.
    """
    parts = [
        _draw_from(name, indices, strata[indices], (test_size, train_size), rng)
        for name, indices in groups
    ]
    train, test = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rng.permutation(train), rng.permutation(test)


def _draw_from(name, indices, strata, sizes, rng):
    try:
        n_train, n_test = _validate_shuffle_split(
            len(indices), *sizes, default_test_size=0.1
        )
    except ValueError as error:
        raise ValueError(f"{name} cannot be split: {error}") from error
    codes = np.unique(strata, return_inverse=True)[1]
    counts = np.bincount(codes)
    n_test_of = _apportion(n_test, counts, rng)
    n_train_of = _apportion(n_train, counts - n_test_of, rng)
    train, test = [], []
    for code, (n_test, n_train) in enumerate(zip(n_test_of, n_train_of, strict=True)):
        shuffled = rng.permutation(indices[codes == code])
        test.append(shuffled[:n_test])
        train.append(shuffled[n_test : n_test + n_train])
    return np.concatenate(train), np.concatenate(test)


def _apportion(total, counts, rng):
    """Divide `total` in proportion to counts, by largest remainder, ties at random."""
    exact = total * counts / counts.sum()
    parts = np.floor(exact).astype(int)
    order = np.lexsort((rng.random(len(counts)), parts - exact))
    parts[order[: total - parts.sum()]] += 1
    return parts
