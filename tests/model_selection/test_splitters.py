import random

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate

from sktransfer.model_selection import (
    DomainShuffleSplit,
    LeaveOneDomainOut,
    SourceTargetShuffleSplit,
    StratifiedDomainKFold,
    StratifiedDomainShuffleSplit,
)

RANDOM = [SourceTargetShuffleSplit, DomainShuffleSplit, StratifiedDomainShuffleSplit]
SPLITTERS = [
    *(cls(3, test_size=0.25, random_state=0) for cls in RANDOM),
    LeaveOneDomainOut(test_size=0.25, random_state=0),
    StratifiedDomainKFold(3, shuffle=True, random_state=0),
]
by_name = pytest.mark.parametrize("cv", SPLITTERS, ids=lambda cv: type(cv).__name__)


@pytest.fixture
def rows():
    """X, y, sample_domain of domains 1 and 2, each as source and as target."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(160, 3))
    y = np.tile([0, 0, 0, 1], 40)
    return X, y, np.repeat([1, 2, -1, -2], [40, 40, 60, 20])


def splits(cv, X, y, sample_domain):
    return list(cv.split(X, y, sample_domain=sample_domain))


def counts(values, among):
    return [int((values == value).sum()) for value in among]


@by_name
def test_train_and_test_share_no_row(cv, rows):
    found = splits(cv, *rows)
    assert len(found) == cv.get_n_splits(*rows)
    for train, test in found:
        assert len(np.unique(np.concatenate([train, test]))) == len(train) + len(test)
        assert np.issubdtype(train.dtype, np.integer)


@by_name
def test_same_splits_for_the_same_seed(cv, rows):
    def flat(cv):
        return [i.tolist() for split in splits(cv, *rows) for i in split]

    state = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    assert flat(cv) == flat(cv) == flat(clone(cv))
    assert flat(cv) != flat(clone(cv).set_params(random_state=1))
    flat(clone(cv).set_params(random_state=None))
    after = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    assert after == state


@by_name
def test_groups_are_sample_domain_without_routing(cv, rows):
    X, y, sample_domain = rows
    for one, two in zip(
        cv.split(X, y, groups=sample_domain), splits(cv, *rows), strict=True
    ):
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])
    result = cross_validate(
        LogisticRegression(), X, y, groups=sample_domain, cv=cv, return_indices=True
    )
    for index, (_, test) in zip(
        result["indices"]["test"], splits(cv, *rows), strict=True
    ):
        np.testing.assert_array_equal(index, test)


@by_name
def test_sample_domain_is_routed_without_a_request_by_the_user(cv, rows):
    X, y, sample_domain = rows
    with sklearn.config_context(enable_metadata_routing=True):
        result = cross_validate(
            LogisticRegression(),
            X,
            y,
            params={"sample_domain": sample_domain},
            cv=cv,
            return_indices=True,
        )
        search = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=cv)
        search.fit(X, y, sample_domain=sample_domain)
    for index, (_, test) in zip(
        result["indices"]["test"], splits(cv, *rows), strict=True
    ):
        np.testing.assert_array_equal(index, test)
    assert search.n_splits_ == len(result["test_score"])


@by_name
@pytest.mark.parametrize("kind", [list, pd.Series, lambda d: d.astype(float)])
def test_domains_as_lists_series_and_whole_floats(cv, rows, kind):
    X, y, sample_domain = rows
    for one, two in zip(
        splits(cv, X, y, kind(sample_domain)), splits(cv, *rows), strict=True
    ):
        np.testing.assert_array_equal(one[1], two[1])


@by_name
def test_missing_domains(cv, rows):
    X, y, _ = rows
    with pytest.raises(
        ValueError, match=r"needs sample_domain.*enable_metadata_routing"
    ):
        list(cv.split(X, y))


@by_name
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d[1:], "sample_domain has 159 values.*160 samples"),
        (lambda d: d + 0.5, "must be integers.*float64.*1.5"),
        (lambda d: d.astype(str), "must be integers.*<U"),
        (lambda d: d > 0, "must be integers.*bool"),
        (lambda d: np.where(d > 0, np.nan, d), "must be integers.*nan"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_bad_domains(cv, rows, change, message):
    X, y, sample_domain = rows
    if message.endswith("<U"):
        sample_domain = np.where(sample_domain > 0, "source", "target")
        change = np.asarray
    with pytest.raises(ValueError, match=message):
        splits(cv, X, y, change(sample_domain))


@pytest.mark.parametrize("cls", RANDOM)
def test_shares_of_domains(cls, rows):
    _, _, sample_domain = rows
    for train, test in splits(cls(5, test_size=0.25, random_state=0), *rows):
        tested = sample_domain[test]
        assert [(tested > 0).sum(), (tested < 0).sum()] == [20, 20]
        assert len(train) == 120
        if cls is not SourceTargetShuffleSplit:
            assert counts(tested, (1, 2, -1, -2)) == [10, 10, 15, 5]


@pytest.mark.parametrize("cls", RANDOM)
def test_default_sizes(cls, rows):
    train, test = splits(cls(random_state=0), *rows)[0]
    assert (len(train), len(test)) == (144, 16)
    assert cls().get_n_splits() == 10


@pytest.mark.parametrize("cls", RANDOM)
def test_sizes(cls, rows):
    cv = cls(1, test_size=5, train_size=0.5, random_state=0)
    train, test = splits(cv, *rows)[0]
    groups = 2 if cls is SourceTargetShuffleSplit else 4
    assert (len(train), len(test)) == (80, 5 * groups)


@pytest.mark.parametrize("cls", RANDOM)
def test_test_rows_are_drawn_again(cls, rows):
    first, second = (set(test) for _, test in splits(cls(2, random_state=0), *rows))
    assert first != second


@pytest.mark.parametrize("cls", RANDOM)
def test_few_target_rows_are_in_both(cls):
    sample_domain = np.repeat([0, -1], [1000, 2])
    y = np.zeros(1002)
    for train, test in splits(cls(4, random_state=0), y, y, sample_domain):
        assert (sample_domain[train] < 0).sum() == (sample_domain[test] < 0).sum() == 1


@pytest.mark.parametrize("cls", RANDOM)
def test_a_single_target_row(cls):
    sample_domain = np.repeat([0, -1], [10, 1])
    with pytest.raises(ValueError, match=r"(The target|Domain -1) cannot be split.*1"):
        splits(cls(), sample_domain, sample_domain, sample_domain)


@pytest.mark.parametrize(("domain", "name"), [(0, "target"), (-1, "source")])
def test_source_target_needs_both(domain, name):
    with pytest.raises(ValueError, match=f"The {name} has no samples"):
        splits(SourceTargetShuffleSplit(), np.ones(9), None, np.full(9, domain))


@pytest.mark.parametrize("n", [3, 4, 5])
def test_k_fold_tests_each_row_once_and_keeps_shares(n):
    rng = np.random.default_rng(n)
    sample_domain = rng.choice([0, 1, -1], p=[0.5, 0.3, 0.2], size=157)
    y = rng.choice(["a", "b", "c"], p=[0.6, 0.3, 0.1], size=157)
    cv = StratifiedDomainKFold(n, shuffle=True, random_state=0)
    found = splits(cv, y, y, sample_domain)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([test for _, test in found])), np.arange(157)
    )
    sizes = []
    for train, test in found:
        np.testing.assert_array_equal(
            np.sort(np.concatenate([train, test])), np.arange(157)
        )
        sizes.append(
            [len(test)]
            + counts(sample_domain[test], (0, 1, -1))
            + [
                ((sample_domain[test] == domain) & (y[test] == label)).sum()
                for domain in (0, 1, -1)
                for label in "abc"
            ]
        )
    assert np.ptp(sizes, axis=0).max() <= 1


def test_k_fold_without_shuffle_is_the_same_each_time(rows):
    found = splits(StratifiedDomainKFold(4), *rows)
    for (_, one), (_, two) in zip(
        found, splits(StratifiedDomainKFold(4), *rows), strict=True
    ):
        np.testing.assert_array_equal(one, two)


def test_k_fold_needs_a_row_of_each_domain_in_each_fold():
    sample_domain = np.repeat([0, -1], [10, 4])
    with pytest.raises(ValueError, match=r"n_splits=5 is more than the 4 samples.*-1"):
        splits(StratifiedDomainKFold(), sample_domain, sample_domain, sample_domain)


@pytest.mark.parametrize(
    "cv", [StratifiedDomainKFold(4), StratifiedDomainShuffleSplit(4, random_state=0)]
)
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("labels", [[0, 1], [-1, 1], ["no", "yes"]])
def test_rows_without_a_label_are_a_class_of_their_own(cv, missing, labels):
    sample_domain = np.repeat([0, -1], [40, 20])
    y = np.array([labels[0], labels[1]] * 20 + [missing] * 20, dtype=object)
    for train, test in splits(cv, y, y, sample_domain):
        tested = y[test][sample_domain[test] >= 0]
        assert (tested == labels[0]).sum() == (tested == labels[1]).sum()
        assert (sample_domain[test] < 0).any()
        assert (sample_domain[train] < 0).any()


def test_k_fold_of_floats_with_nan():
    sample_domain = np.repeat([0, -1], [40, 20])
    y = np.where(sample_domain < 0, np.nan, np.arange(60) % 2)
    for _, test in splits(StratifiedDomainKFold(4), y, y, sample_domain):
        assert np.nansum(y[test]) == 5


@pytest.mark.parametrize(
    "cv", [StratifiedDomainKFold(), StratifiedDomainShuffleSplit()]
)
def test_stratified_needs_labels(cv, rows):
    with pytest.raises(ValueError, match=r"needs y.*DomainShuffleSplit"):
        splits(cv, rows[0], None, rows[2])


def test_stratified_keeps_shares_of_a_rare_class():
    y = np.repeat([0, 1], [90, 10]).repeat(2)
    sample_domain = np.tile([0, -1], 100)
    cv = StratifiedDomainShuffleSplit(5, test_size=0.2, random_state=0)
    for _, test in splits(cv, y, y, sample_domain):
        for domain in (0, -1):
            assert counts(y[test][sample_domain[test] == domain], (0, 1)) == [18, 2]


def test_leave_one_domain_out(rows):
    X, y, sample_domain = rows
    cv = LeaveOneDomainOut(test_size=0.25, random_state=0)
    found = splits(cv, X, y, sample_domain)
    for left_out, other, (train, test) in zip((1, 2), (2, 1), found, strict=True):
        n_target = (sample_domain == -left_out).sum()
        for part, share in ((train, 0.75), (test, 0.25)):
            assert set(sample_domain[part]) == {-left_out, other}
            assert (sample_domain[part] == -left_out).sum() == share * n_target
            assert (sample_domain[part] == other).sum() == share * 40


def test_leave_one_domain_out_of_many():
    domain = np.arange(1, 13).repeat(10)
    sample_domain = np.concatenate([domain, -domain, np.full(5, -99)])
    cv = LeaveOneDomainOut(4, random_state=0)
    found = splits(cv, sample_domain, None, sample_domain)
    targets = [set(sample_domain[test][sample_domain[test] < 0]) for _, test in found]
    assert len(found) == cv.get_n_splits(sample_domain=sample_domain) == 4
    assert all(len(target) == 1 for target in targets)
    assert len(set.union(*targets)) == 4
    assert -99 not in set.union(*targets)
    for (train, _), target in zip(found, targets, strict=True):
        sources = sample_domain[train][sample_domain[train] >= 0]
        assert set(sources) == set(range(1, 13)) - {-next(iter(target))}


@pytest.mark.parametrize(
    "domains", [[0, 1, -1], [1, 2, -1], [1, 2, 3], [1, -1], [-1, -2]]
)
def test_leave_one_domain_out_needs_each_domain_twice(domains):
    sample_domain = np.repeat(domains, 10)
    with pytest.raises(
        ValueError, match=r"needs the samples of two or more domains twice"
    ):
        splits(LeaveOneDomainOut(), sample_domain, None, sample_domain)


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (StratifiedDomainKFold(1), "'n_splits'.*1"),
        (DomainShuffleSplit(0), "'n_splits'.*0"),
        (DomainShuffleSplit(test_size=1.5), "'test_size'.*1.5"),
        (
            DomainShuffleSplit(test_size=0.7, train_size=0.7),
            "Domain -2 cannot be split.*1.4",
        ),
        (LeaveOneDomainOut(0), "'max_n_splits'.*0"),
    ],
)
def test_bad_parameters(cv, rows, message):
    with pytest.raises(ValueError, match=message):
        splits(cv, *rows)


def test_repr_and_parameters():
    cv = StratifiedDomainKFold(3)
    assert repr(cv) == "StratifiedDomainKFold(n_splits=3)"
    search = GridSearchCV(LogisticRegression(), {"C": [1]}, cv=cv)
    assert clone(search).cv is not cv
    assert clone(search).cv.n_splits == 3
