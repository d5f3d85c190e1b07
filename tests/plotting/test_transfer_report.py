import sys

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.naive_bayes import GaussianNB

from sktransfer.plotting import TransferReportDisplay
from sktransfer.transferability import transfer_report

matplotlib = pytest.importorskip("matplotlib")
import matplotlib.pyplot as plt  # noqa: E402


@pytest.fixture(scope="module")
def report():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    X = rng.normal(size=(200, 8)) + 0.4 * y[:, None]
    baselines = [DummyClassifier(), "logistic", ("few", DummyClassifier())]
    return transfer_report(
        GaussianNB(),
        X,
        y,
        train_sizes=[10, 40, 100],
        cv=4,
        baselines=baselines,
        random_state=0,
    )


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_curves_are_those_of_the_report(report):
    display = report.plot()
    assert isinstance(display, TransferReportDisplay)
    assert list(display.lines_) == ["transfer", *report.baselines]
    for model, container in display.lines_.items():
        line, _, (bars,) = container
        scores = report.values(model)
        np.testing.assert_allclose(line.get_ydata(), scores.mean(axis=0))
        np.testing.assert_allclose(line.get_xdata(), report.train_sizes, rtol=0.05)
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        np.testing.assert_allclose(
            np.ptp(ends, axis=1), 2 * scores.std(axis=0), atol=1e-12
        )
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_ylabel() == "accuracy"
    assert display.figure_ is display.ax_.figure


def test_curves_are_told_apart_without_color(report):
    lines = [container[0] for container in report.plot().lines_.values()]
    assert len({line.get_marker() for line in lines}) == len(lines)
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == len(lines)


def test_label_saving(report):
    _, text = report.plot().saving_
    assert text.get_text() == "DummyClassifier needs more than 100"
    _, text = report.plot(baseline="few").saving_
    assert text.get_text() == "few needs more than 100"
    assert report.plot(baseline=None).saving_ == []
    with pytest.raises(ValueError, match="baseline='fex'; expected 'auto', None"):
        report.plot(baseline="fex")


def test_axes_of_the_caller(report):
    _, axes = plt.subplots()
    assert report.plot(ax=axes).ax_ is axes
    assert len(plt.get_fignums()) == 1


def test_it_renders(report, tmp_path):
    report.plot().figure_.savefig(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 10_000


def test_a_report_with_gaps():
    scores = {
        "transfer": np.array([[0.8, np.nan], [0.7, np.nan]]),
        "scratch": np.full((2, 2), np.nan),
    }
    display = TransferReportDisplay(
        train_sizes=[20, 40], scores=scores, score_name="accuracy", label_saving={}
    ).plot()
    np.testing.assert_allclose(display.lines_["transfer"][0].get_ydata(), [0.75])
    assert display.saving_ == []
    assert display.ax_.get_xscale() == "linear"


def test_without_matplotlib(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "sktransfer\[plotting\]"'):
        report.plot()
