"""Columns of tables as numbers."""

import datetime
import decimal
import fractions
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from networks import two_layers

from sktransfer import BackboneFeatures, TransferClassifier
from sktransfer._inputs.columns import TableColumns

VALUES = {
    "number": [1.5, None, 3.0],
    "text": ["b", "a", None],
    "size": ["low", "high", "low"],
    "flag": [True, False, True],
}
EXPECTED = [[1.5, 1, 0, 1], [np.nan, 0, 1, 0], [3, np.nan, 0, 1]]
DAYS = pd.Series(
    pd.to_datetime(["2020-01-03 00:00", "2020-01-01 00:00", None, "2020-01-02 12:00"])
)
SINCE_FIRST = [2, 0, np.nan, 1.5]


def pandas_frame(values=VALUES, **dtypes):
    size = pd.CategoricalDtype(["low", "high"])
    return pd.DataFrame(values).astype({"size": size} | dtypes)


def polars_frame(values=VALUES):
    return pl.DataFrame(values).with_columns(
        pl.col("size").cast(pl.Enum(["low", "high"]))
    )


def converted(column):
    """Convert a column of a pandas frame."""
    frame = pd.DataFrame({"x": column})
    columns = TableColumns(frame)
    assert not columns.nominal
    return columns.transform(frame)[:, 0]


@pytest.mark.parametrize("frame", [pandas_frame(), polars_frame()])
def test_categories_are_their_positions(frame):
    columns = TableColumns(frame)
    assert not columns.are_numbers
    np.testing.assert_array_equal(columns.transform(frame), EXPECTED)


@pytest.mark.parametrize("make", [pandas_frame, polars_frame])
def test_other_rows_have_the_same_positions(make):
    columns = TableColumns(make())
    other = make(VALUES | {"text": ["a", "new", "a"], "size": ["high"] * 3})
    np.testing.assert_array_equal(
        columns.transform(other)[:, 1:3], [[0, 1], [np.nan, 1], [0, 1]]
    )


@pytest.mark.parametrize(
    "dtypes",
    [
        {"number": "Float64", "flag": "boolean", "text": "string"},
        {"number": object, "text": "category", "flag": object},
    ],
)
def test_pandas_types(dtypes):
    frame = pandas_frame(**dtypes)
    np.testing.assert_array_equal(TableColumns(frame).transform(frame), EXPECTED)


@pytest.mark.parametrize("frame", [pandas_frame(), polars_frame()])
def test_columns_without_an_order(frame):
    # Polars' Enum declares one, a category of pandas only if it says so.
    of_pandas = isinstance(frame, pd.DataFrame)
    assert TableColumns(frame).nominal == ([1, 2] if of_pandas else [1])
    ordered = pd.CategoricalDtype(["low", "high"], ordered=True)
    assert TableColumns(pandas_frame(size=ordered)).nominal == [1]


def test_an_array_with_the_same_columns():
    columns = TableColumns(pandas_frame())
    rows = pandas_frame().to_numpy(dtype=object)
    np.testing.assert_array_equal(columns.transform(rows), EXPECTED)


@pytest.mark.parametrize(
    "X",
    [
        np.ones((3, 2)),
        [[1, 2], [3, 4]],
        pd.DataFrame({"a": [1.0, None]}),
        pl.DataFrame({"a": [1.0, None], "b": [True, False]}),
    ],
)
def test_numbers_need_nothing(X):
    assert TableColumns(X).are_numbers


@pytest.mark.parametrize(
    "values",
    [
        [decimal.Decimal("0.5"), decimal.Decimal(2), None],
        [fractions.Fraction(1, 2), 2, pd.NA],
        [np.float16(0.5), np.int8(2), float("nan")],
        [0.5, np.True_ + np.True_ * 1, pd.NaT],
        ["0.5", "2e0", None],
        [" 0.5", "2", ""],
        ["0.5", 2, "nan"],
        [b"0.5", np.bytes_(b"2"), b""],
        [0.5, 2, decimal.Decimal("sNaN")],
        [pd.Timedelta(hours=12), pd.Timedelta(days=2), pd.NaT],
        [np.timedelta64(12, "h"), datetime.timedelta(2), None],
    ],
)
def test_numbers_of_any_kind_are_numbers(values):
    values = [2 if value is True else value for value in values]
    column = pd.Series(values, dtype=object)
    np.testing.assert_array_equal(converted(column), [0.5, 2, np.nan])


def test_booleans_of_numpy_are_numbers():
    column = pd.Series([np.True_, np.False_], dtype=object)
    np.testing.assert_array_equal(converted(column), [1, 0])


@pytest.mark.parametrize(
    "column",
    [
        DAYS,
        DAYS.astype("datetime64[s]"),
        DAYS.dt.tz_localize("Europe/Berlin"),
        DAYS.dt.to_period("h"),
        pd.Series(DAYS.dt.to_pydatetime(), dtype=object),
        pd.Series(DAYS.to_numpy(), dtype=object),
    ],
)
def test_dates_are_days_since_the_first(column):
    np.testing.assert_allclose(converted(column), SINCE_FIRST, rtol=1e-12)


def test_dates_of_other_rows_count_from_the_same_day():
    columns = TableColumns(pl.DataFrame({"day": [datetime.date(2020, 1, 5)]}))
    other = pl.DataFrame({"day": [datetime.date(2020, 1, 1), None]})
    np.testing.assert_array_equal(columns.transform(other), [[-4], [np.nan]])
    with pytest.raises(ValueError, match=r"'day' of X had dates in fit; got 3[.]0"):
        columns.transform(pd.DataFrame({"day": [3]}))


def test_an_array_of_dates():
    array = np.array([["2020-01-03"], ["2020-01-01"], ["NaT"]], dtype="datetime64[D]")
    columns = TableColumns(array)
    np.testing.assert_array_equal(columns.transform(array), [[2], [0], [np.nan]])


@pytest.mark.parametrize("dtype", [object, str])
def test_arrays_of_objects_and_strings(dtype):
    array = np.array([["b", "1.5"], ["a", "2"]], dtype=dtype)
    columns = TableColumns(array)
    np.testing.assert_array_equal(columns.transform(array), [[1, 1.5], [0, 2]])
    assert columns.nominal == [0]
    columns = TableColumns(array.tolist())
    np.testing.assert_array_equal(columns.transform(array), [[1, 1.5], [0, 2]])


def test_texts_of_numbers_and_numbers_are_the_same():
    columns = TableColumns(pd.DataFrame({"x": ["1", "2"]}))
    np.testing.assert_array_equal(columns.transform([[1], ["2.0"]]), [[1], [2]])


def test_a_column_that_looks_like_numbers():
    column = [*map(str, range(9)), "unknown"]
    with pytest.warns(UserWarning, match="'x'.* 'unknown'.* categories"):
        assert TableColumns(pd.DataFrame({"x": column})).nominal == [0]


def test_a_column_of_new_categories():
    columns = TableColumns(pd.DataFrame({"x": ["u", "v"]}))
    with pytest.warns(UserWarning, match=r"'x' of X, 2 were .* 1.0; .*'u', 'v'"):
        assert np.isnan(columns.transform(pd.DataFrame({"x": [1, 1]}))).all()


def test_a_column_without_a_value_in_fit():
    for empty in ([None, None], [np.nan, np.nan]):
        columns = TableColumns(pd.DataFrame({"x": empty}))
        for values in (["a", "b"], [1.0, 2.0]):
            assert np.isnan(columns.transform(pd.DataFrame({"x": values}))).all()


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame({"x": [[1], [2]]}), "'x' of X has .1., of type list"),
        (pl.DataFrame({"x": [{"a": 1}]}), "'x' of X has .*, of type dict"),
        (np.array([[{}]], dtype=object), "Column 0 of X has {}, of type dict"),
        (pd.DataFrame(np.ones((2, 2)), columns=["x", "x"]), "name x"),
        (pl.LazyFrame({"x": [1]}), r"X\.collect"),
        (
            pd.DataFrame({"x": [datetime.date(2020, 1, 1), "unknown"]}),
            "'x' of X has dates and other values, such as 'unknown'",
        ),
    ],
)
def test_columns_that_are_refused(X, message):
    with pytest.raises(TypeError, match=message):
        TableColumns(X)


@pytest.mark.parametrize("backbone", ["mlp", "tabular"])
def test_text_in_a_column_of_numbers(backbone):
    X = pd.DataFrame({"x": np.arange(20.0), "z": np.ones(20)})
    clf = TransferClassifier(backbone, random_state=0).fit(X, np.arange(20) > 9)
    with pytest.raises(ValueError, match="'x' of X had numbers in fit; got 'one'"):
        clf.predict(X.assign(x="one"))
    array = TransferClassifier(backbone, random_state=0).fit(
        X.to_numpy(), np.arange(20) > 9
    )
    with pytest.raises(ValueError, match="Column 0 of X had numbers in fit; got 'one'"):
        array.predict([["one", 1.0]])


def test_networks_that_take_numbers_name_the_column():
    X = pd.DataFrame({"x": np.arange(20.0), "z": ["a", "b"] * 10})
    y = np.arange(20) > 9
    message = "'z' of X has categories, such as 'a', 'b'; .*One-hot.*'tabular'"
    source = TransferClassifier(two_layers, epochs=1).fit(X[["x"]].assign(z=1), y)
    for estimator in (
        TransferClassifier(two_layers),
        TransferClassifier(source.backbone_),
        BackboneFeatures(source.backbone_),
    ):
        with pytest.raises(ValueError, match=message):
            estimator.fit(X, y)


def test_dates_and_decimals_for_all_networks():
    days = pd.date_range("2020-01-01", periods=30)
    X = pd.DataFrame({"day": days, "price": [decimal.Decimal(i) for i in range(30)]})
    numbers = np.column_stack([np.arange(30.0), np.arange(30.0)])
    y = np.arange(30) > 14
    for backbone in ("mlp", "tabular"):
        clf = TransferClassifier(backbone, random_state=0)
        np.testing.assert_allclose(
            clf.fit(X, y).predict_proba(X),
            clf.fit(numbers, y).predict_proba(numbers),
            atol=1e-6,
        )


def test_rows_without_a_value():
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = X[:, 0] > 0
    X[3] = np.nan
    clf = TransferClassifier(random_state=0).fit(X, y)
    proba = clf.predict_proba(np.full((2, 2), np.nan))
    assert np.isfinite(proba).all()
    # Nothing is known of a row, so that the classes have about their frequencies.
    np.testing.assert_allclose(proba[:, 1], y.mean(), atol=0.25)


def test_most_values_are_new_categories():
    columns = TableColumns(pd.DataFrame({"city": ["a", "b", "c"]}))
    few = pd.DataFrame({"city": ["a"] * 5 + ["new"] * 2 + [None] * 9})
    assert np.isnan(columns.transform(few)).sum() == 11
    many = pd.DataFrame({"city": ["a"] * 5 + ["new"] * 6})
    with pytest.warns(UserWarning, match="11 values in column 'city' of X, 6 were"):
        columns.transform(many)


@pytest.mark.parametrize(
    "form", ["{:.2f}%", "${:.2f}", "2020-{:.0f}", "{:.0f}_000", "id {:.3f}"]
)
def test_texts_that_are_hardly_categories(form):
    column = [form.format(value) for value in np.linspace(1, 500, 60)]
    with pytest.warns(UserWarning, match="'x' of X has 60 different values in 60"):
        TableColumns(pd.DataFrame({"x": column}))


def test_numbers_beside_texts_for_missing_values():
    column = ["NA" if i % 4 == 0 else str(i) for i in range(40)]
    with pytest.warns(UserWarning, match="'x'.* 'NA'.* replace them by NaN"):
        TableColumns(pd.DataFrame({"x": column}))


@pytest.mark.parametrize("unit", ["Y", "M", "D", "h"])
def test_durations_of_numpy(unit):
    array = np.array([[2], [4]]).astype(f"m8[{unit}]")
    days = TableColumns(array).transform(array)[:, 0]
    expected = {"Y": 365.2425, "M": 30.436875, "D": 1, "h": 1 / 24}[unit]
    np.testing.assert_allclose(days, [2 * expected, 4 * expected])


@pytest.mark.parametrize("X", [[[pd.NA, 1.0], [2.0, 3.0]], [[b"1", 2], [b"3", pd.NA]]])
def test_lists_of_rows(X):
    values = TableColumns(X).transform(X)
    assert values.shape == (2, 2)
    assert np.isnan(values).sum() == 1


def test_complex_columns():
    with pytest.raises(ValueError, match="'x' of X: Complex data not supported"):
        TableColumns(pd.DataFrame({"x": [1j, 2.0]}))


def fit(X, backbone="tabular"):
    epochs = 2 if backbone == "mlp" else None
    clf = TransferClassifier(backbone, random_state=0, epochs=epochs)
    return clf.fit(X, np.arange(len(X)) % 2)


def test_values_that_are_not_finite_name_the_column():
    X = pd.DataFrame({"age": np.arange(20.0), "income": np.arange(20.0)})
    bad = X.assign(income=np.where(X.age > 15, np.nan, X.age))
    with pytest.raises(ValueError, match=r"NaN in column 'income'.*Impute.*'tabular'"):
        fit(bad, two_layers)
    for value in (np.inf, "1e400", "inf", 10**400):
        values = [*map(str, range(19)), value] if isinstance(value, str) else None
        values = values or [*range(19), value]
        with pytest.raises(ValueError, match=r"infinity .* in column 'income'"):
            fit(X.assign(income=pd.Series(values, dtype=object)))


def test_large_integers():
    X = pd.DataFrame({"a": np.arange(20), "id": 2**62 + np.arange(20)})
    with pytest.warns(UserWarning, match=r"'id' of X has integers above 2\*\*53"):
        fit(X)


def test_masked_values_are_missing():
    values = np.random.default_rng(0).normal(size=(40, 3))
    mask = np.arange(120).reshape(40, 3) % 5 == 0
    masked = np.ma.array(np.where(mask, 9999.0, values), mask=mask)
    filled = masked.filled(np.nan)
    for backbone in ("tabular", "mlp"):
        np.testing.assert_array_equal(
            fit(masked, backbone).predict_proba(masked),
            fit(filled, backbone).predict_proba(filled),
        )
    with pytest.raises(ValueError, match="NaN in column 0"):
        fit(masked, two_layers)


def test_no_columns():
    with pytest.raises(ValueError, match=r"0 feature\(s\)"):
        fit(pd.DataFrame(index=range(20)))


@pytest.mark.parametrize(
    ("backbone", "message"),
    [("Tabular", "Did you mean 'tabular'"), ("no.keras", "no.keras does not exist")],
)
def test_a_wrong_backbone_comes_before_its_columns(backbone, message):
    X = pd.DataFrame({"city": ["a", "b"] * 10})
    with pytest.raises(ValueError, match=message):
        TransferClassifier(backbone).fit(X, np.arange(20) % 2)


LARGE = 2**60 + np.arange(6)


@pytest.mark.parametrize(
    "values",
    [
        LARGE,
        -LARGE,
        LARGE.astype(str),
        LARGE.astype(object),
        pd.array([2**60 + 1, None] * 3, dtype="Int64"),
    ],
)
def test_large_integers_beside_other_columns(values):
    frame = pd.DataFrame({"id": values, "length": 1.5})
    with pytest.warns(UserWarning, match=r"Column 'id' of X has integers above 2"):
        TableColumns(frame)


@pytest.mark.parametrize(
    "values", [np.arange(6), np.full(6, 1e30), ["1e30", "2.5"] * 3, ["a1", "b2"] * 3]
)
def test_columns_without_large_integers(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TableColumns(pd.DataFrame({"id": values}))


@pytest.mark.parametrize("backbone", ["mlp", "tabular"])
def test_a_rare_text_among_texts_of_numbers_is_missing(backbone):
    # A fold of a cross-validation has the only code with a letter.
    rng = np.random.default_rng(0)
    codes = pd.Series(rng.integers(0, 9, 40).astype(str), dtype="str")
    X = pd.DataFrame({"code": codes, "x": rng.normal(size=40)})
    clf = fit(X[:30], backbone)
    X.loc[35, "code"] = "B7"
    missing = X.copy()
    missing.loc[35, "code"] = None
    np.testing.assert_array_equal(
        clf.predict_proba(X[30:]), clf.predict_proba(missing[30:])
    )
    with pytest.warns(UserWarning, match="2 were not in fit, such as 'B7'"):
        clf.predict(X.iloc[[35, 35]])


def test_categories_that_print_alike():
    frame = pd.DataFrame({"c": np.array([1, "1", "a", 1, "1", "a"], dtype=object)})
    positions = TableColumns(frame).transform(frame)[:, 0]
    np.testing.assert_array_equal(positions, [1, 0, 2, 1, 0, 2])
