import itertools

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import (
    DomainAdaptedClassifier,
    ResultsTable,
    TransferClassifier,
    transfer_report,
)
from sktransfer.transferability import TransferReport, Verdict

SIZES = [10, 30, 60]


class Recorder(ClassifierMixin, BaseEstimator):
    """Predicts the first class, and remembers which rows it got."""

    fits = []

    def __init__(self, name="", random_state=None):
        self.name = name
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.fits.append((self.name, X.copy(), np.array(y), self.random_state))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class StopsAfter(GaussianNB):
    """Presses Ctrl-C, or fails, in a later fit."""

    left = 0
    error = KeyboardInterrupt

    def fit(self, X, y):
        type(self).left -= 1
        if self.left < 0:
            raise self.error("stopped")
        return super().fit(X, y)


@pytest.fixture
def table():
    y = np.arange(120) % 2
    X = np.random.default_rng(0).normal(size=(120, 6)) + y[:, None]
    return X, np.array(["no", "yes"])[y]


@pytest.fixture(scope="module")
def report(source, digits):
    return transfer_report(
        TransferClassifier(source, epochs=4),
        digits[2][:150],
        digits[3][:150],
        train_sizes=[10, 30],
        cv=4,
        baselines=["scratch", "linear_probe", "logistic"],
        random_state=0,
    )


def test_all_models_get_the_same_rows(table):
    X, y = table
    Recorder.fits.clear()
    transfer_report(
        Recorder("a"),
        X,
        y,
        train_sizes=SIZES,
        cv=3,
        baselines=[("b", Recorder("b"))],
        random_state=0,
    )
    by_model = {
        name: [fit[1:] for fit in Recorder.fits if fit[0] == name] for name in "ab"
    }
    assert len(by_model["a"]) == 3 * len(SIZES)
    for own, other in zip(*by_model.values(), strict=True):
        for mine, theirs in zip(own, other, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    seeds = set()
    for start in range(0, 9, 3):
        of_split = by_model["a"][start : start + 3]
        assert [len(rows) for rows, _, _ in of_split] == SIZES
        # The smaller subset is the beginning of the greater one.
        for (rows, _, _), (more, _, _) in itertools.pairwise(of_split):
            np.testing.assert_array_equal(rows, more[: len(rows)])
        assert all(set(labels) == {"no", "yes"} for _, labels, _ in of_split)
        assert len({seed for *_, seed in of_split}) == 1
        seeds.add(of_split[0][2])
    assert len(seeds) == 3


def test_scores_are_those_of_fits_by_hand(table):
    X, y = table
    cv = StratifiedShuffleSplit(3, test_size=0.3, random_state=1)
    report = transfer_report(
        LogisticRegression(), X, y, train_sizes=[1.0], cv=cv, baselines=[GaussianNB()]
    )
    for name, model in [
        ("transfer", LogisticRegression()),
        ("GaussianNB", GaussianNB()),
    ]:
        expected = [
            clone(model).fit(X[train], y[train]).score(X[test], y[test])
            for train, test in cv.split(X, y)
        ]
        np.testing.assert_allclose(report.values(name)[:, 0], expected)


def test_transfer_helps(report):
    assert isinstance(report, TransferReport)
    assert report.is_complete
    assert report.verdicts["scratch"].helps == (10, 30)
    assert report.verdicts["scratch"].outcome == "helps"
    assert report.values("transfer").shape == (4, 2)
    gains = {(row["baseline"], row["size"]): row for row in report.gains()}
    row = gains["scratch", 10]
    difference = report.values("transfer") - report.values("scratch")
    assert row["gain"] == pytest.approx(difference[:, 0].mean())
    assert row["low"] > 0
    assert row["labels"] > 10
    assert {row["model"] for row in report.fits} == {"transfer", *report.baselines}


def test_curves(report):
    rows = {(row["model"], row["size"]): row for row in report.curves()}
    assert len(rows) == 8
    row = rows["scratch", 30]
    scores = report.values("scratch")[:, 1]
    assert row["score"] == pytest.approx(scores.mean())
    assert row["score_std"] == pytest.approx(scores.std())
    assert row["epochs"] == 4
    assert rows["linear_probe", 30]["epochs"] == 1
    assert np.isnan(rows["logistic", 30]["epochs"])
    for row in rows.values():
        assert row["log_loss"] > 0
        assert 0 <= row["calibration_error"] <= 1
        assert row["seconds"] > 0
        assert row["n_splits"] == 4
        assert row["note"] == ""


def test_compute(report):
    allowed = {
        (fit["model"], fit["epochs_allowed"], fit["size"])
        for fit in report.fits
        if fit["epochs_allowed"]
    }
    assert allowed == {(m, e, 30) for m in ("transfer", "scratch") for e in (1, 2)}
    rows = {row["baseline"]: row for row in report.compute()}
    assert list(rows) == report.baselines
    scratch = rows["scratch"]
    assert scratch["score"] == pytest.approx(report.values("scratch")[:, 1].mean())
    # The probe that comes first is an entry of the history.
    assert scratch["own_epochs"] == 2
    assert scratch["epochs"] > scratch["own_epochs"]
    assert rows["linear_probe"]["epochs"] == 1
    assert np.isnan(rows["logistic"]["epochs"])
    assert rows["logistic"]["seconds"] > 0


def test_negative_transfer_and_no_difference(table):
    X, y = table
    arguments = {"train_sizes": [20, 80], "random_state": 0}
    worse = transfer_report(
        DummyClassifier(), X, y, baselines=["logistic", GaussianNB()], **arguments
    )
    assert worse.n_splits == 10
    assert worse.verdict == Verdict(negative_transfer=(20, 80))
    assert worse.verdict.outcome == "negative transfer"
    assert repr(worse).startswith("Transfer: negative transfer at 20, 80 labels")
    same = transfer_report(
        GaussianNB(), X, y, baselines=[GaussianNB(), DummyClassifier()], **arguments
    )
    assert same.verdicts["GaussianNB"] == Verdict(no_difference=(20, 80))
    assert same.verdicts["DummyClassifier"].helps
    # Not better than each of them.
    assert same.verdict == Verdict(no_difference=(20, 80))
    assert {row["gain"] for row in same.gains() if row["baseline"] == "GaussianNB"} == {
        0
    }


@pytest.mark.parametrize(
    ("verdict", "outcome", "text"),
    [
        (Verdict(helps=(5,), no_difference=(9,)), "helps", None),
        (Verdict(), "unknown", "unknown"),
        (
            Verdict(helps=(5, 7), negative_transfer=(9,)),
            "mixed",
            "helps at 5, 7; negative transfer at 9",
        ),
    ],
)
def test_outcome(verdict, outcome, text):
    assert verdict.outcome == outcome
    if text is not None:
        assert str(verdict) == text


def test_reports_are_reproducible_in_other_processes(table):
    arguments = {"train_sizes": [30], "baselines": ["logistic"], "cv": 3}
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    one, two = (
        transfer_report(model, *table, n_jobs=n_jobs, random_state=5, **arguments)
        for n_jobs in (1, 2)
    )
    for name in ("transfer", "logistic"):
        np.testing.assert_array_equal(one.values(name), two.values(name))
    other = transfer_report(model, *table, random_state=6, **arguments)
    assert (one.values("transfer") != other.values("transfer")).any()


def test_what_is_done_is_kept_when_interrupted(table):
    StopsAfter.left, StopsAfter.error = 3, KeyboardInterrupt
    with pytest.warns(UserWarning, match="Interrupted after 6 of 12 fits"):
        report = transfer_report(
            StopsAfter(),
            *table,
            train_sizes=[20, 40],
            cv=3,
            baselines=["logistic"],
            random_state=0,
        )
    assert not report.is_complete
    np.testing.assert_array_equal(
        np.isfinite(report.values("transfer")), [[1, 1], [1, 0], [0, 0]]
    )
    by_size = {row["size"]: row for row in report.gains()}
    assert np.isfinite(by_size[20]["low"])
    assert np.isfinite(by_size[40]["gain"])
    assert by_size[40]["verdict"] == "unknown"
    assert "incomplete, 6 of 12 fits are finished" in repr(report)
    assert "incomplete" in report._repr_html_()


def test_interrupted_before_anything_is_done(table):
    StopsAfter.left, StopsAfter.error = 0, KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        transfer_report(StopsAfter(), *table, baselines=["logistic"])


def test_a_baseline_that_fails(table):
    StopsAfter.left, StopsAfter.error = 0, ValueError
    with pytest.warns(UserWarning, match="3 of 6 fits have failed, of broken"):
        report = transfer_report(
            GaussianNB(),
            *table,
            train_sizes=[20],
            cv=3,
            baselines=[("broken", StopsAfter())],
        )
    rows = {row["model"]: row for row in report.curves()}
    assert rows["broken"]["note"] == "ValueError: stopped"
    assert rows["broken"]["n_splits"] == 0
    assert rows["transfer"]["n_splits"] == 3
    assert report.verdict.outcome == "unknown"
    assert "Transfer: unknown" in repr(report)


def test_an_estimator_that_fails(table):
    StopsAfter.left, StopsAfter.error = 0, ValueError
    with pytest.raises(ValueError, match="stopped"):
        transfer_report(StopsAfter(), *table, baselines=["logistic"])


def test_the_estimator_is_cloned(source, target):
    fitted = TransferClassifier(source, epochs=1, random_state=0).fit(*target)
    before = fitted.predict_proba(target[0])
    report = transfer_report(
        fitted, *target, train_sizes=[10], cv=2, baselines=["logistic"]
    )
    assert report.is_complete
    np.testing.assert_array_equal(fitted.predict_proba(target[0]), before)
    assert fitted.random_state == 0


def test_images_are_rows_for_models_without_a_network(digits):
    from networks import convolutional

    X = 255 * digits[2][:60].reshape(-1, 8, 8, 1)
    report = transfer_report(
        TransferClassifier(convolutional, epochs=1),
        X,
        digits[3][:60],
        train_sizes=[20],
        cv=2,
        baselines=["logistic"],
    )
    assert np.isfinite(report.values("logistic")).all()


def test_hard_tables(source):
    """Constant columns, and more columns than rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 64)).astype("float32")
    X[:, :5] = 1.0
    report = transfer_report(
        TransferClassifier(source, epochs=1),
        X,
        np.arange(30) % 3,
        train_sizes=[3, 12],
        cv=2,
        baselines=["scratch", "linear_probe", "logistic", "hist_gradient_boosting"],
    )
    for name in ("transfer", *report.baselines):
        assert np.isfinite(report.values(name)).all()


def test_missing_values(table):
    X, y = table
    X = X.copy()
    X[::3, 1] = np.nan
    report = transfer_report(
        HistGradientBoostingClassifier(max_iter=5),
        X,
        y,
        train_sizes=[60],
        cv=2,
        baselines=["logistic"],
    )
    assert np.isfinite(report.values("logistic")).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"estimator": LinearRegression()}, ValueError, "not a classifier"),
        ({"estimator": "mlp"}, TypeError, "expected a classifier with fit"),
        ({"estimator": GaussianNB}, TypeError, "expected a classifier with fit"),
        ({"y": np.zeros(120, int)}, ValueError, "y has one class"),
        ({"y": np.arange(120)}, ValueError, "more samples than classes"),
        ({"y": np.arange(119)}, ValueError, "inconsistent"),
        (
            {"train_sizes": [1]},
            ValueError,
            "cannot have a sample of each of the 2 classes",
        ),
        ({"train_sizes": [0.001]}, ValueError, "cannot have a sample of each"),
        ({"cv": StratifiedShuffleSplit(1)}, ValueError, "expected at least two"),
        ({"scoring": 3}, ValueError, "'scoring' parameter"),
        ({"confidence": 1.0}, ValueError, "'confidence' parameter"),
        ({"sample_domain": np.zeros(120, int)}, ValueError, "DomainAdaptedClassifier"),
    ],
)
def test_bad_input(table, arguments, error, message):
    X, y = table
    arguments = {
        "estimator": GaussianNB(),
        "X": X,
        "y": y,
        "baselines": ["logistic"],
        **arguments,
    }
    with pytest.raises(error, match=message):
        transfer_report(**arguments)


def test_a_class_that_a_training_part_lacks(table):
    X, y = table
    y = y.copy()
    y[0] = "rare"
    with pytest.raises(ValueError, match="lacks 1 of 3 classes"):
        transfer_report(
            GaussianNB(),
            X,
            y,
            baselines=["logistic"],
            cv=[
                (np.arange(1, 60), np.arange(60, 120)),
                (np.arange(60), np.arange(60, 120)),
            ],
        )


def test_tables(report):
    gains = report.gains()
    assert isinstance(gains, ResultsTable)
    assert set(gains["baseline"]) == set(report.baselines)
    assert list(gains.to_pandas()["size"].unique()) == [10, 30]
    for table, n_rows in [(report.curves(), 8), (report.compute(), 3)]:
        assert table.to_pandas().shape == (n_rows, len(table.columns))
    assert report.n_done == report.n_fits == len(report.fits.to_pandas())
    with pytest.raises(ValueError, match=r"model='scrach'.*Did you mean 'scratch'"):
        report.values("scrach")


def test_text_and_html(report):
    text, html = repr(report), report._repr_html_()
    assert text.startswith("Transfer: ")
    assert "scratch: helps at 10, 30" in text
    assert "labels: transfer 2 epochs, " in text
    for name in report.baselines:
        assert name in text
        assert f"<td>{name}</td>" in html
    assert "<li>scratch: helps at 10, 30</li>" in html


def test_progress(table, capsys):
    arguments = {"train_sizes": [20, 40], "baselines": ["logistic"], "cv": 10}
    transfer_report(GaussianNB(), *table, verbose=1, **arguments)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[-1] == "[transfer_report] 40/40 fits, 0 s left"
    transfer_report(GaussianNB(), *table, verbose=2, **arguments)
    assert len(capsys.readouterr().out.splitlines()) == 40


@pytest.fixture(scope="module")
def domains(digits):
    X = np.concatenate([digits[0][:150], digits[2][:90]])
    y = np.concatenate([digits[1][:150], digits[3][:90]])
    return X, y, np.repeat([0, -1], [150, 90])


def adapted(source, **parameters):
    return DomainAdaptedClassifier(source, method="deep_coral", epochs=2, **parameters)


def fitted_labels(monkeypatch):
    """Remember what each fit gets."""
    seen, fit = [], DomainAdaptedClassifier.fit

    def remember(self, X, y, *, sample_domain=None, **parameters):
        seen.append((self.method, np.array(y), sample_domain))
        return fit(self, X, y, sample_domain=sample_domain, **parameters)

    monkeypatch.setattr(DomainAdaptedClassifier, "fit", remember)
    return seen


def test_adaptation(source, domains, monkeypatch):
    X, y, sample_domain = domains
    seen = fitted_labels(monkeypatch)
    report = transfer_report(
        adapted(source),
        X,
        y,
        sample_domain=sample_domain,
        train_sizes=[10, 40],
        cv=2,
        random_state=0,
    )
    assert report.is_complete
    assert report.baselines == ["source_only", "target_trained"]
    with_target = [fit for fit in seen if fit[2] is not None]
    sizes = [(fit[2] < 0).sum() for fit in with_target]
    # Twice each size, then 1 epoch of 2 at the last.
    assert sorted(sizes) == [10, 10, 40, 40, 40, 40]
    for _, labels, domains_of_fit in with_target:
        assert (domains_of_fit >= 0).sum() == 150
        assert len(set(labels[domains_of_fit < 0])) == 1
    plain = [len(fit[1]) for fit in seen if fit[2] is None]
    assert sorted(plain) == [10, 10, 40, 40, 40, 40, 150, 150]
    flat = report.values("source_only")
    np.testing.assert_array_equal(flat[:, 0], flat[:, 1])

    line = "Adaptation methods that were used, in 4 fits: DeepCORAL() in 4."
    assert line in repr(report)
    assert line in report._repr_html_()
    assert set(report.fits["method"]) == {"DeepCORAL()", "SourceOnly()"}

    # A source-only model by hand, on the same rows held back.
    (train, test), _ = StratifiedKFold(2, shuffle=True, random_state=_seed(0)).split(
        np.zeros(90), y[150:]
    )
    seed = next(iter(_split_seeds(0, y[150:], [train])))
    by_hand = DomainAdaptedClassifier(
        source, method="source_only", epochs=2, random_state=seed
    ).fit(X[:150], y[:150])
    assert by_hand.score(X[150:][test], y[150:][test]) == flat[0, 0]


def _seed(random_state):
    return int(np.random.default_rng(random_state).integers(2**31))


def _split_seeds(random_state, codes, trains):
    from sktransfer.transferability._subsets import growing_order

    rng = np.random.default_rng(random_state)
    rng.integers(2**31)
    for train in trains:
        growing_order(codes[train], rng)
        yield int(rng.integers(2**31))


def test_labels_of_the_target_are_used_when_asked_for(source, domains, monkeypatch):
    X, y, sample_domain = domains
    y = y.astype(object)
    y[-30:] = None
    seen = fitted_labels(monkeypatch)
    report = transfer_report(
        adapted(source, target_labels="use"),
        X,
        y,
        sample_domain=sample_domain,
        train_sizes=[20],
        cv=2,
        baselines=["source_only", "logistic"],
        random_state=0,
    )
    labels = next(fit[1][fit[2] < 0] for fit in seen if fit[2] is not None)
    assert len(labels) == 20
    assert set(labels) == set(range(5))
    assert np.isfinite(report.values("logistic")).all()


@pytest.mark.parametrize("missing", [None, np.nan, -1])
def test_unlabeled_samples_are_left_out(missing, source, domains):
    X, y, sample_domain = domains
    masked = y.astype(object)
    masked[-30:] = missing
    arguments = {"train_sizes": [10], "cv": 2, "baselines": ["logistic"]}
    reports = [
        transfer_report(
            adapted(source),
            X[rows],
            labels[rows],
            sample_domain=sample_domain[rows],
            random_state=0,
            **arguments,
        )
        for rows, labels in [(slice(None), masked), (slice(-30), y)]
    ]
    for name in ("adapted", "logistic"):
        np.testing.assert_array_equal(*[report.values(name) for report in reports])


def test_unlabeled_samples_without_domains(table):
    X, y = table
    arguments = {"baselines": ["logistic"], "train_sizes": [20], "cv": 2}
    expected = transfer_report(
        GaussianNB(), X[30:], y[30:], **arguments, random_state=0
    )
    y = y.astype(object)
    y[:30] = None
    report = transfer_report(GaussianNB(), X, y, **arguments, random_state=0)
    for name in ("transfer", "logistic"):
        np.testing.assert_array_equal(report.values(name), expected.values(name))
    with pytest.raises(ValueError, match="y has no labels"):
        transfer_report(GaussianNB(), X, [np.nan] * 120, **arguments)


def test_adaptation_in_a_pipeline(source, domains):
    X, y, sample_domain = domains
    arguments = {
        "sample_domain": sample_domain,
        "train_sizes": [20],
        "cv": 2,
        "baselines": ["source_only"],
        "random_state": 0,
    }
    plain = transfer_report(adapted(source), X, y, **arguments)
    inside = transfer_report(
        make_pipeline("passthrough", adapted(source)), X, y, **arguments
    )
    for name in ("adapted", "source_only"):
        np.testing.assert_array_equal(plain.values(name), inside.values(name))


def test_bad_domains(source, domains):
    X, y, sample_domain = domains
    with pytest.raises(ValueError, match="sample_domain=None; a DomainAdapted"):
        transfer_report(adapted(source), X, y)
    with pytest.raises(ValueError, match="either source or target samples"):
        transfer_report(adapted(source), X, y, sample_domain=abs(sample_domain))
    unlabeled = np.where(sample_domain < 0, -1, y)
    with pytest.raises(ValueError, match="no labels of target samples"):
        transfer_report(adapted(source), X, unlabeled, sample_domain=sample_domain)
