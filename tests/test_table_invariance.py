"""What must not change predictions for tables: units, orders, constant columns."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.utils.class_weight import compute_sample_weight

from sktransfer import DomainAdaptedClassifier, TransferClassifier
from sktransfer._caches import cache_info

X, Y = load_wine(return_X_y=True)
RNG = np.random.default_rng(0)
ORDER = RNG.permutation(len(X))
TRAIN, TEST = ORDER[:80], ORDER[80:]
CHANGES = {
    "powers of ten": X * 10.0 ** RNG.uniform(-12, 12, size=13),
    "tiny": X * 1e-300,
    "small": X * 1e-250,
    "large": X * 1e250,
    "offset": X + 1000 * X.std(axis=0),
}


def proba(X, backbone, dtype, train=TRAIN, **parameters):
    clf = TransferClassifier(backbone, dtype=dtype, random_state=0, **parameters)
    return clf.fit(X[train], Y[train]).predict_proba(X[TEST])


@pytest.fixture(scope="module")
def expected():
    return {
        (backbone, dtype): proba(X, backbone, dtype)
        for backbone in ("mlp", "tabular")
        for dtype in ("float32", "float64")
    }


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backbone", ["mlp", "tabular"])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_units_and_offsets(backbone, dtype, change, expected):
    atol = {"float32": 1e-3, "float64": 1e-5}[dtype]
    np.testing.assert_allclose(
        proba(CHANGES[change], backbone, dtype), expected[backbone, dtype], atol=atol
    )


def test_iris_in_other_units():
    iris, y = load_iris(return_X_y=True)
    for backbone in ("mlp", "tabular"):
        clf = TransferClassifier(backbone, random_state=0)
        plain = clf.fit(iris[::2], y[::2]).score(iris[1::2], y[1::2])
        small = clf.fit(1e-7 * iris[::2], y[::2]).score(1e-7 * iris[1::2], y[1::2])
        assert small == plain > 0.8


def test_a_target_in_other_units():
    domain = np.where(np.arange(len(X)) % 3, 0, -1)
    clf = DomainAdaptedClassifier(method="mcc", epochs=3, random_state=0)
    plain = clf.fit(X, Y, sample_domain=domain).predict_proba(X)
    small = clf.fit(1e-200 * X, Y, sample_domain=domain).predict_proba(1e-200 * X)
    np.testing.assert_allclose(small, plain, atol=1e-3)


@pytest.mark.parametrize("recipe", ["in_context", "full"])
@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[:, RNG.permutation(rows.shape[1])],
        lambda rows: np.column_stack([np.full(len(rows), 7.3), rows]),
        lambda rows: np.column_stack([rows[:, :4], np.zeros(len(rows)), rows[:, 4:]]),
    ],
)
def test_order_of_columns_and_constant_columns(change, recipe, expected):
    options = {} if recipe == "in_context" else {"recipe": "full", "epochs": 2}
    plain = proba(X, "tabular", "float32", **options)
    np.testing.assert_allclose(
        proba(change(X), "tabular", "float32", **options), plain, atol=1e-3
    )


def test_order_of_columns_that_are_alike():
    rows = np.random.default_rng(1).permuted(np.eye(6)[np.arange(90) % 6], axis=0)
    y = (rows @ [1, 2, 3, -1, -2, 0] + rows[:, 0] * rows[:, 3] > 0.5).astype(int)
    clf = TransferClassifier("tabular", random_state=0)
    plain = clf.fit(rows, y).predict_proba(rows)
    order = [3, 1, 5, 0, 2, 4]
    np.testing.assert_allclose(
        clf.fit(rows[:, order], y).predict_proba(rows[:, order]), plain, atol=1e-3
    )


@pytest.mark.parametrize("n", [80, 1500])
def test_order_of_rows(n):
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(n, 4)).round(1)
    y = (rows[:, 0] * rows[:, 1] > 0).astype(int)
    clf, new = TransferClassifier("tabular", random_state=0), rng.normal(size=(50, 4))
    plain = clf.fit(rows, y).predict_proba(new)
    order = rng.permutation(n)
    np.testing.assert_allclose(
        clf.fit(rows[order], y[order]).predict_proba(new), plain, atol=1e-3
    )


@pytest.mark.parametrize("backbone", ["mlp", "tabular"])
def test_class_weights_are_sample_weights(backbone):
    epochs = 5 if backbone == "mlp" else None
    clf = TransferClassifier(backbone, random_state=0, epochs=epochs)
    for class_weight in ({0: 1, 1: 5, 2: 2}, "balanced"):
        weight = compute_sample_weight(class_weight, Y[TRAIN])
        by_sample = clf.fit(X[TRAIN], Y[TRAIN], sample_weight=weight)
        by_sample = by_sample.predict_proba(X[TEST])
        by_class = clone(clf).set_params(class_weight=class_weight)
        by_class = by_class.fit(X[TRAIN], Y[TRAIN]).predict_proba(X[TEST])
        np.testing.assert_allclose(by_class, by_sample, atol=1e-6)


def test_small_weights_forget_nothing():
    clf = TransferClassifier("tabular", random_state=0)
    plain = clf.fit(X[TRAIN], Y[TRAIN]).predict_proba(X[TEST])
    for factor in (1e-20, 1e-6, 1 / len(TRAIN)):
        clf.fit(X[TRAIN], Y[TRAIN], sample_weight=np.full(len(TRAIN), factor))
        np.testing.assert_allclose(clf.predict_proba(X[TEST]), plain, atol=1e-6)
    # A weight of 2 is still a row twice.
    weight = np.where(np.arange(len(TRAIN)) < 20, 2.0, 1.0)
    weighted = clf.fit(X[TRAIN], Y[TRAIN], sample_weight=weight).predict_proba(X[TEST])
    twice = np.concatenate([TRAIN, TRAIN[:20]])
    repeated = clf.fit(X[twice], Y[twice]).predict_proba(X[TEST])
    np.testing.assert_allclose(weighted, repeated, atol=1e-4)


def test_tables_of_about_one_width_share_a_program():
    before = {row.name: row.entries for row in cache_info()}
    for n_columns in range(9, 14):
        TransferClassifier("mlp", epochs=1, random_state=0).fit(X[:, :n_columns], Y)
    after = {row.name: row.entries for row in cache_info()}
    assert after["programs"] <= before["programs"] + 1


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("weight", [1e16, 1e29])
def test_very_different_weights(weight):
    clf = TransferClassifier("tabular", random_state=0)
    weights = np.where(np.arange(len(TRAIN)) == 0, weight, 1.0)
    clf.fit(X[TRAIN], Y[TRAIN], sample_weight=weights)
    assert np.isfinite(clf.predict_proba(X[TEST])).all()


@pytest.mark.parametrize("backbone", ["mlp", "tabular"])
@pytest.mark.parametrize("weight", [1e307, 1e-300])
def test_weights_out_of_range(backbone, weight):
    clf = TransferClassifier(backbone, random_state=0)
    with pytest.raises(ValueError, match="sample_weight is 1e"):
        clf.fit(X, Y, sample_weight=np.full(len(X), weight))
    clf.set_params(class_weight=dict.fromkeys(range(3), weight))
    with pytest.raises(ValueError, match="class_weight="):
        clf.fit(X, Y)


def test_no_column_varies():
    clf = TransferClassifier("tabular", random_state=0)
    with pytest.warns(UserWarning, match="No column of X varies"):
        clf.fit(np.ones((20, 2)), np.arange(20) % 2)
