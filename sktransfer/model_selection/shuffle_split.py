"""Splitters that draw test rows at random, again for each split."""

import numbers

import numpy as np
from sklearn.model_selection._split import _validate_shuffle_split
from sklearn.utils._param_validation import Interval

from sktransfer._random import make_rng
from sktransfer.model_selection._splitter import (
    BaseDomainSplitter,
    FixedNumberMixin,
    class_codes,
)

# What test_size and train_size may be.
SIZE = [
    Interval(numbers.Real, 0, 1, closed="neither"),
    Interval(numbers.Integral, 1, None, closed="left"),
    None,
]


class BaseDomainShuffleSplit(FixedNumberMixin, BaseDomainSplitter):
    """Draw test rows from each group of rows apart."""

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
        """Name and rows of each group."""
        return [
            (f"Domain {domain}", np.flatnonzero(domains == domain))
            for domain in np.unique(domains)
        ]

    def _strata(self, y, domains):
        """Stratum of each row, whose share of its group is kept."""
        return np.zeros(len(domains), dtype=int)


class SourceTargetShuffleSplit(BaseDomainShuffleSplit):
    """Draw the same share of the source's and of the target's rows for testing.

    Training and test rows are from both, as estimators and scorers that adapt to the
    target need. All source domains are drawn from as one, and all targets.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float, int or None, default=None
        Share or number of the test rows, of the source's rows and of the target's
        each. None is what `train_size` leaves, or 0.1.
    train_size : float, int or None, default=None
        The same for the training rows. None is all rows that are not tested.
    random_state : int, RandomState instance or None, default=None
        Seed. With an int each call of `split` gives the same splits.

    See Also
    --------
    DomainShuffleSplit : Keeps the share of each domain.

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
        for name, rows in groups:
            if not len(rows):
                raise ValueError(
                    f"{name} has no rows; sample_domain needs values of 0 or more for "
                    f"the source and below 0 for the target, and has "
                    f"{np.unique(domains).tolist()}."
                )
        return groups


class DomainShuffleSplit(BaseDomainShuffleSplit):
    """Draw the same share of each domain's rows for testing.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float, int or None, default=None
        Share or number of the test rows of each domain. None is what `train_size`
        leaves, or 0.1.
    train_size : float, int or None, default=None
        The same for the training rows. None is all rows that are not tested.
    random_state : int, RandomState instance or None, default=None
        Seed. With an int each call of `split` gives the same splits.

    See Also
    --------
    StratifiedDomainShuffleSplit : Keeps the classes' shares too.
    SourceTargetShuffleSplit : Draws from all sources as one.

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
    """Draw the same share of each class of each domain for testing.

    The labels of target rows are used as they are in y. Rows whose label is None or
    NaN count as a class of their own.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float, int or None, default=None
        Share or number of the test rows of each domain. None is what `train_size`
        leaves, or 0.1.
    train_size : float, int or None, default=None
        The same for the training rows. None is all rows that are not tested.
    random_state : int, RandomState instance or None, default=None
        Seed. With an int each call of `split` gives the same splits.

    See Also
    --------
    StratifiedDomainKFold : Tests each row once.

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
        return class_codes(y, domains, self)


def draw(groups, strata, test_size, train_size, rng):
    """Draw training and test rows from each group, each stratum's share kept.

    Parameters
    ----------
    groups : list of (str, ndarray of int)
        What each group is called in an error, and its rows.
    strata : ndarray of shape (n_samples,), int
        Stratum of each row.
    test_size, train_size : float, int or None
        As in the splitters.
    rng : numpy.random.Generator
        Source of the draw.

    Returns
    -------
    train, test : ndarray of int
        Rows in random order, no row in both.
    """
    parts = [
        _draw_from(name, rows, strata[rows], test_size, train_size, rng)
        for name, rows in groups
    ]
    train, test = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rng.permutation(train), rng.permutation(test)


def _draw_from(name, rows, strata, test_size, train_size, rng):
    try:
        n_train, n_test = _validate_shuffle_split(
            len(rows), test_size, train_size, default_test_size=0.1
        )
    except ValueError as error:
        raise ValueError(f"{name} cannot be split: {error}") from error
    codes = np.unique(strata, return_inverse=True)[1]
    counts = np.bincount(codes)
    tested = _apportion(n_test, counts, rng)
    trained = _apportion(n_train, counts - tested, rng)
    train, test = [], []
    for code, (n_tested, n_trained) in enumerate(zip(tested, trained, strict=True)):
        shuffled = rng.permutation(rows[codes == code])
        test.append(shuffled[:n_tested])
        train.append(shuffled[n_tested : n_tested + n_trained])
    return np.concatenate(train), np.concatenate(test)


def _apportion(total, counts, rng):
    """Divide `total` in proportion to counts, by largest remainder, ties at random."""
    exact = total * counts / counts.sum()
    parts = np.floor(exact).astype(int)
    order = np.lexsort((rng.random(len(counts)), parts - exact))
    parts[order[: total - parts.sum()]] += 1
    return parts
