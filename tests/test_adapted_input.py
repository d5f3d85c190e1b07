"""What DomainAdaptedClassifier refuses, and what it warns of."""

import warnings

import numpy as np
import pandas as pd
import pytest
from domains import make_adapted

from sktransfer.adaptation import DANN, MCC, DeepCORAL, SourceOnly


@pytest.fixture
def rows():
    """X, y, sample_domain of 40 rows, the second half of them of the target."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 3)), np.arange(40) % 2, np.repeat([0, -1], 20)


def refused(error, *parts, X, y, method="dann", **kwargs):
    """Check that a fit is refused by a message that holds all of some parts."""
    fitted = {
        name: kwargs.pop(name)
        for name in ("sample_domain", "X_target", "sample_weight")
        if name in kwargs
    }
    estimator = make_adapted(method, **kwargs)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.raises(error) as raised:
            estimator.fit(X, y, **fitted)
    message = str(raised.value)
    for part in parts:
        assert part in message, message
    assert not hasattr(estimator, "n_features_in_")


# ---- sample_domain


@pytest.mark.parametrize(
    ("sample_domain", "parts"),
    [
        (np.zeros(39, int), ["39 values", "40 samples"]),
        ([], ["0 values", "40 samples"]),
        (np.zeros((40, 2), int), ["shape (40, 2)", "one integer"]),
        (-1, ["shape ()", "one integer"]),
        (np.repeat([0.0, -0.5], 20), ["integers", "float64", "-0.5"]),
        (np.repeat([0.0, np.nan], 20), ["integers", "float64", "nan"]),
        (np.repeat([0.0, -np.inf], 20), ["integers", "float64", "-inf"]),
        (np.repeat([0.0, -1e300], 20), ["integers", "float64", "-1e+300"]),
        (np.repeat([True, False], 20), ["integers", "bool"]),
        (np.repeat(["source", "target"], 20), ["integers", "'source'"]),
        (np.repeat(["0", "-1"], 20), ["integers", "'0'"]),
        ([0] * 20 + [None] * 20, ["integers", "0, None"]),
        (np.full(40, -1), ["less than 0 for all samples", "0 or more"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_sample_domain(rows, sample_domain, parts):
    X, y, _ = rows
    refused(ValueError, "sample_domain", *parts, X=X, y=y, sample_domain=sample_domain)


def test_the_wrong_domains_are_the_ones_that_are_told(rows):
    X, y, sample_domain = rows
    wrong = sample_domain.astype(float)
    wrong[[7, 30]] = 0.25, -2.5
    refused(ValueError, "such as 0.25, -2.5.", X=X, y=y, sample_domain=wrong)


@pytest.mark.parametrize(
    "fitted", [{}, {"sample_domain": np.zeros(40, int)}], ids=["none", "all source"]
)
def test_no_target(rows, fitted):
    X, y, _ = rows
    for method in ("dann", MCC()):
        with pytest.warns(UserWarning, match=r"no samples of a target.*X_target"):
            make_adapted(method).fit(X, y, **fitted)
    for method in ("source_only", SourceOnly()):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            make_adapted(method).fit(X, y, **fitted)


def test_rows_of_one_domain_have_no_weight(rows):
    X, y, sample_domain = rows
    is_source = sample_domain >= 0
    refused(
        ValueError,
        "sample_weight is 0 for all samples of the source",
        X=X,
        y=y,
        sample_domain=sample_domain,
        sample_weight=(~is_source).astype(float),
    )
    with pytest.warns(UserWarning, match="no samples of a target"):
        make_adapted().fit(
            X, y, sample_domain=sample_domain, sample_weight=is_source.astype(float)
        )


# ---- X_target


@pytest.mark.parametrize(
    ("X_target", "error", "parts"),
    [
        (np.zeros((9, 2)), ValueError, ["2 features", "3 features"]),
        (np.zeros((9, 3, 1)), ValueError, ["(3, 1)", "(3,)"]),
        (np.zeros((0, 3)), ValueError, ["0 sample", "minimum of 1"]),
        ([], ValueError, ["Expected 2D array"]),
        (np.full((9, 3), np.nan), ValueError, ["NaN"]),
        (np.full((9, 3), np.inf), ValueError, ["infinity"]),
        (np.full((9, 3), 1e300), ValueError, ["too large", "float64"]),
        (np.zeros(3), ValueError, ["Expected 2D array, got 1D array"]),
        (3.0, ValueError, ["Expected 2D array", "3.0"]),
        ([["a", "b", "c"]], ValueError, ["Column 0 of X had numbers in fit"]),
        ((), ValueError, ["tuple of 0", "an array of samples"]),
        ((np.zeros((9, 3)), None), ValueError, ["tuple of 2", "an array of samples"]),
        ((np.zeros((9, 2)),), ValueError, ["2 features", "3 features"]),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in reduce")
def test_rows_beside_x(rows, X_target, error, parts):
    X, y, _ = rows
    estimator = make_adapted()
    with pytest.raises(error) as raised:
        estimator.fit(X, y, X_target=X_target)
    for part in ("X_target", *parts):
        assert part in str(raised.value)
    assert not hasattr(estimator, "n_features_in_")


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        (["b", "a", "c"], ["must be in the same order"]),
        (["a", "b", "d"], ["unseen at fit time", "- d", "now missing", "- c"]),
        (["a", "b"], ["now missing", "- c"]),
    ],
    ids=str,
)
def test_other_names_of_columns_beside_x(rows, columns, parts):
    X, y, _ = rows
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    beside = pd.DataFrame(X[:9, : len(columns)], columns=columns)
    refused(ValueError, "X_target", *parts, X=frame, y=y, X_target=beside)


# ---- y


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA], ids=str)
@pytest.mark.parametrize("target_labels", ["ignore", "use"])
def test_rows_of_the_source_without_a_label(rows, missing, target_labels):
    X, y, sample_domain = rows
    y = y.astype(object)
    y[:3] = missing
    parts = [
        "y has 3 missing labels (None or NaN) among the",
        "expected a label for each",
    ]
    refused(
        ValueError,
        *parts,
        X=X,
        y=y,
        sample_domain=sample_domain,
        target_labels=target_labels,
    )


@pytest.mark.parametrize("values", [None, "labels"])
def test_no_y(rows, values):
    X, _, sample_domain = rows
    error = "requires y" if values is None else "consistent|Expected|expected"
    with pytest.raises((ValueError, TypeError), match=f"{error}|1d array"):
        make_adapted().fit(X, values, sample_domain=sample_domain)


def test_y_of_another_length_or_kind(rows):
    X, y, sample_domain = rows
    domains = {"X": X, "sample_domain": sample_domain}
    refused(ValueError, "inconsistent", "[40, 39]", y=y[:-1], **domains)
    refused(ValueError, "1d array", "(40, 2)", y=np.eye(2)[y], **domains)
    continuous = np.linspace(0, 1, 40)
    refused(ValueError, "Unknown label type: continuous", y=continuous, **domains)


def test_one_class_in_the_source(rows):
    X, y, sample_domain = rows
    y = np.where(sample_domain >= 0, 1, y)
    parts = ["y has one class", "at least 2"]
    refused(ValueError, *parts, X=X, y=y, sample_domain=sample_domain)


@pytest.mark.parametrize("kind", [np.asarray, list])
@pytest.mark.parametrize("mixed_in", ["source", "target"])
def test_strings_among_numbers(rows, kind, mixed_in):
    """They would make strings of all the labels."""
    X, y, sample_domain = rows
    y = y.astype(object)
    y[3 if mixed_in == "source" else 33] = "cat"
    parts = ["y has strings and other labels", "'cat'", "one type"]
    given = {"X": X, "y": kind(y), "sample_domain": sample_domain}
    refused(ValueError, *parts, target_labels="use", **given)
    if mixed_in == "source":
        refused(ValueError, *parts, **given)
    else:
        assert make_adapted().fit(**given).classes_.tolist() == [0, 1]


# ---- parameters


@pytest.mark.parametrize(
    ("method", "error", "parts"),
    [
        ("dan n", ValueError, ["method='dan n'", "Did you mean 'dann'?", "'mcc'"]),
        ("DANN", ValueError, ["method='DANN'", "Did you mean 'dann'?"]),
        ("coral", ValueError, ["method='coral'", "Did you mean 'deep_coral'?"]),
        ("xyz", ValueError, ["method='xyz'", "Accepted", "'dann'"]),
        (None, TypeError, ["method=None", "NoneType", "'dann'", "AdaptationMethod"]),
        (3, TypeError, ["method=3", "int", "AdaptationMethod"]),
        (DANN, TypeError, ["method=", "DANN", "AdaptationMethod"]),
        (DANN(trade_off=-1), ValueError, ["'trade_off' parameter of DANN", "-1"]),
        (MCC(trade_off=np.nan), ValueError, ["'trade_off' parameter of MCC", "nan"]),
        (MCC(trade_off=np.inf), ValueError, ["'trade_off' parameter of MCC", "inf"]),
        (MCC(trade_off="1"), ValueError, ["'trade_off'", "float", "'1'"]),
        (MCC(trade_off=None), ValueError, ["'trade_off'", "float", "None"]),
    ],
    ids=str,
)
def test_method(rows, method, error, parts):
    X, y, sample_domain = rows
    refused(error, *parts, X=X, y=y, sample_domain=sample_domain, method=method)


@pytest.mark.parametrize("value", ["unlabeled", True, None])
def test_target_labels(rows, value):
    X, y, _ = rows
    parts = ["'target_labels'", "'ignore'", "'use'", repr(value)]
    refused(ValueError, *parts, X=X, y=y, target_labels=value)


@pytest.mark.parametrize("method", [DANN(), DeepCORAL(), MCC()], ids=str)
def test_a_batch_of_one_row(rows, method):
    X, y, sample_domain = rows
    given = {"X": X, "y": y, "sample_domain": sample_domain, "batch_size": 1}
    parts = [f"method={method}", "batch_size=1", "Use batch_size=32", "at least 2"]
    refused(ValueError, *parts, method=method, **given)


def test_a_batch_of_one_row_without_a_loss_of_a_method(rows):
    X, y, sample_domain = rows
    for method in ("source_only", DeepCORAL(trade_off=0)):
        estimator = make_adapted(method, batch_size=1, epochs=1)
        assert np.isfinite(estimator.fit(X, y, sample_domain=sample_domain).loss_)


def test_batches_smaller_than_the_number_of_classes(rows):
    X, _, sample_domain = rows
    y = np.arange(40) % 5
    estimator = make_adapted("mcc", batch_size=4, epochs=1)
    with pytest.warns(UserWarning, match=r"batch_size=4 .*all 5 classes.*size=32\."):
        estimator.fit(X, y, sample_domain=sample_domain)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "With batch_size")
        estimator.set_params(batch_size=5).fit(X, y, sample_domain=sample_domain)
        estimator.set_params(batch_size=4, method="source_only")
        estimator.fit(X, y, sample_domain=sample_domain)


# ---- traps


def test_rows_beside_x_of_another_scale(rows):
    X, y, _ = rows
    for X_target in (X[:9] * 100, X[:9] + 50, X[:9] / 100):
        with pytest.warns(UserWarning, match=r"another scale.*transform_input"):
            make_adapted(epochs=1).fit(X, y, X_target=X_target)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        # Domains may well differ by this much, and in one column by more.
        make_adapted(epochs=1).fit(X, y, X_target=X[:9] * 3 + 2)
        make_adapted(epochs=1).fit(X, y, X_target=X[:9] * [1, 1, 1000])


def test_as_many_rows_beside_x_as_in_it(rows):
    X, y, _ = rows
    with pytest.warns(UserWarning, match=r"40 samples, as many as X.*\(X_target,\)"):
        make_adapted(epochs=1).fit(X, y, X_target=X)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        make_adapted(epochs=1).fit(X, y, X_target=(X,))


# ---- -1 without a target


@pytest.mark.parametrize("others", [(0, 1, 2), (0, 1), (0.0, 1.0), (0,), (2, 5)])
@pytest.mark.parametrize("domain", [None, 0])
def test_a_mark_of_unlabeled_samples_without_a_target(rows, others, domain):
    X = rows[0]
    y = np.where(np.arange(40) % 4 == 0, -1, np.resize(others, 40))
    sample_domain = None if domain is None else np.arange(40) % 2
    for method in ("dann", SourceOnly()):
        refused(
            ValueError,
            "label -1",
            "no samples of a target",
            "np.where(y == -1, -1, 0)",
            "TransferClassifier",
            X=X,
            y=y,
            sample_domain=sample_domain,
            method=method,
        )


@pytest.mark.parametrize("labels", [(-1, 1), (-1.0, 1.0), (-2, -1, 0), ("-1", "0")])
def test_honest_classes_below_0(rows, labels):
    clf = make_adapted(SourceOnly(), epochs=1).fit(rows[0], np.resize(labels, 40))
    assert clf.classes_.tolist() == sorted(labels)


def test_the_class_minus_1_of_a_source(rows):
    X, _, domain = rows
    y = np.resize([-1, 0, 1], 40)
    clf = make_adapted(SourceOnly(), epochs=1).fit(X, y, sample_domain=domain)
    assert clf.classes_.tolist() == [-1, 0, 1]
