import numpy as np
import pytest
from scipy.stats import kendalltau, weightedtau

from sktransfer import ResultsTable, rank_backbones
from sktransfer.plotting import TransferabilityDisplay

ROWS = [
    ("a", 0.9, ""),
    ("b", 0.8, ""),
    ("raw inputs", 0.6, "control"),
    ("c", 0.5, ""),
    ("random weights", 0.4, "control: the network of a"),
    ("broken", np.nan, "TypeError: no"),
]
ACCURACIES = {"a": 0.95, "b": 0.97, "raw inputs": 0.7, "c": 0.8}


@pytest.fixture(params=["ResultsTable", "DataFrame"])
def table(request):
    names = ("candidate", "score", "note")
    table = ResultsTable([dict(zip(names, row, strict=True)) for row in ROWS])
    return table if request.param == "ResultsTable" else table.to_pandas()


def points(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def test_scores(table):
    display = TransferabilityDisplay.from_table(table)
    ax = display.ax_
    assert [label.get_text() for label in ax.get_yticklabels()] == [r[0] for r in ROWS]
    candidates, controls = (container[0].get_xydata() for container in ax.containers)
    expected = [[0.9, 0], [0.8, 1], [0.5, 3], [np.nan, 5]]
    np.testing.assert_array_equal(candidates, expected)
    np.testing.assert_array_equal(controls, [[0.6, 2], [0.4, 4]])
    # The line is at the better control, and the best is at the top.
    assert ax.lines[-1].get_xdata() == [0.6, 0.6]
    assert ax.get_ylim() == (5.5, -0.5)
    assert [text.get_text() for text in ax.texts] == ["no score"]
    assert ax.texts[0].xy[1] == 5
    assert display.kendall_tau_ is None
    assert display.weighted_tau_ is None


def test_against_accuracies(table):
    display = TransferabilityDisplay.from_table(table, accuracies=ACCURACIES)
    pair = [0.9, 0.8, 0.6, 0.5], [0.95, 0.97, 0.7, 0.8]
    assert display.kendall_tau_ == pytest.approx(kendalltau(*pair).statistic)
    assert display.weighted_tau_ == pytest.approx(weightedtau(*pair).statistic)
    assert display.kendall_tau_ == pytest.approx(1 / 3)
    drawn = points(display.ax_)
    expected = [[0.9, 0.95], [0.8, 0.97], [0.5, 0.8]]
    np.testing.assert_array_equal(drawn["candidates"], expected)
    assert drawn["controls"][0].tolist() == [0.6, 0.7]
    names = [text.get_text() for text in display.ax_.texts]
    assert names == ["a", "b", "raw inputs", "c"]
    title = display.ax_.get_legend().get_title().get_text()
    assert title == f"Kendall's tau 0.33, weighted {display.weighted_tau_:.2f}"


def test_many_candidates_are_not_named():
    rows = [{"candidate": f"{i}", "score": -i, "note": ""} for i in range(16)]
    accuracies = {f"{i}": i for i in range(16)}
    display = TransferabilityDisplay.from_table(
        ResultsTable(rows), accuracies=accuracies
    )
    assert display.kendall_tau_ == -1
    assert len(display.ax_.texts) == 0


def test_of_rank_backbones(source, digits):
    from matplotlib import pyplot as plt

    table = rank_backbones({"digits": source}, digits[0][:90], digits[1][:90], cv=3)
    _, ax = plt.subplots()
    display = TransferabilityDisplay.from_table(table, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    np.testing.assert_array_equal(display.scores, table["score"])
    np.testing.assert_array_equal(display.score_stds, table["score_std"])
    assert display.controls.tolist() == [note != "" for note in table["note"]]
    # Whiskers show the spread over splits.
    (bars,) = ax.containers[0][2]
    left, right = bars.get_segments()[0][:, 0]
    best = table[0]
    if best["note"] == "":
        assert right - left == pytest.approx(2 * best["score_std"])


@pytest.mark.parametrize(
    ("accuracies", "message"),
    [
        (
            {"a": 0.5, "z": 0.5},
            r"accuracies has 'z', which is not .*'a', 'b'",
        ),
        ({"a": 0.5}, "accuracies: 1 candidates have a score and an accuracy"),
        ({"a": 0.5, "broken": 0.5}, "1 candidates have a score and an accuracy"),
    ],
)
def test_bad_accuracies(accuracies, message, table):
    with pytest.raises(ValueError, match=message):
        TransferabilityDisplay.from_table(table, accuracies=accuracies)


def test_bad_tables():
    with pytest.raises(ValueError, match="table has no column 'candidate'"):
        TransferabilityDisplay.from_table({"score": [1.0]})
    failed = ResultsTable([{"candidate": "a", "score": np.nan, "note": "TypeError"}])
    with pytest.raises(ValueError, match="scores are all NaN"):
        TransferabilityDisplay.from_table(failed)
