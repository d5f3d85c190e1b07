import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer.plotting import FrozenDepthDisplay, frozen_depth

X, Y = np.zeros((20, 2)), np.repeat([0, 1], 10)


class Told(ClassifierMixin, BaseEstimator):
    """Scores what its parameters say."""

    def __init__(self, frozen_depth=0, learning_rate=1.0, epochs=1):
        self.frozen_depth = frozen_depth
        self.learning_rate = learning_rate
        self.epochs = epochs

    def fit(self, X, y):
        if self.learning_rate == 99:
            raise ValueError("too fast")
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        depth = 5 if self.frozen_depth == "all" else self.frozen_depth
        return depth + 10 * self.learning_rate + 100 * self.epochs


def search(grid, estimator=None, **parameters):
    return GridSearchCV(estimator or Told(), grid, cv=2, **parameters).fit(X, Y)


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_curve():
    display = FrozenDepthDisplay.from_estimator(
        search({"frozen_depth": ["all", 2, 0, -1]})
    )
    assert display.frozen_depths == [0, 2, -1, "all"]
    np.testing.assert_array_equal(display.scores, [110, 112, 109, 115])
    np.testing.assert_array_equal(display.line_[0].get_ydata(), display.scores)
    assert labels(display.ax_.xaxis) == ["0", "2", "-1", "all"]
    assert display.ax_.get_ylabel() == "test score, mean ± std over splits"
    assert display.ax_.get_xlabel() == "frozen depth"
    assert display.image_ is None


def test_names_of_layers_come_before_all():
    depths = ["all", "dense_1", -1, 0]
    assert frozen_depth._depths([{"d": depth} for depth in depths], "d") == [
        0,
        -1,
        "dense_1",
        "all",
    ]


def test_other_parameters_are_at_their_best():
    fitted = search({"frozen_depth": [0, 1], "epochs": [3, 2], "learning_rate": [1.0]})
    display = FrozenDepthDisplay.from_estimator(fitted)
    np.testing.assert_array_equal(display.scores, [310, 311])
    assert display.others == ["epochs"]
    assert display.ax_.get_ylabel().endswith("\nwith the best epochs")


def test_heat_map():
    fitted = search({"frozen_depth": [0, 1, "all"], "learning_rate": [0.1, 0.01]})
    display = FrozenDepthDisplay.from_estimator(fitted, by="learning_rate")
    assert display.by_values == [0.01, 0.1]
    expected = [[100.1, 101.1, 105.1], [101.0, 102.0, 106.0]]
    np.testing.assert_allclose(display.scores, expected)
    np.testing.assert_allclose(display.image_.get_array(), expected)
    assert labels(display.ax_.xaxis) == ["0", "1", "all"]
    assert labels(display.ax_.yaxis) == ["0.01", "0.1"]
    assert display.ax_.get_ylabel() == "learning rate"
    assert {text.get_text() for text in display.ax_.texts} >= {"100.100", "106.000"}
    # The frame is around the best.
    (frame,) = display.ax_.patches
    assert frame.get_bbox().contains(2, 1)
    assert not frame.get_bbox().contains(1, 1)
    assert display.line_ is None


def test_a_randomized_search_leaves_cells_empty():
    fitted = RandomizedSearchCV(
        Told(),
        {"frozen_depth": [0, 1, 2], "learning_rate": [0.1, 0.2, 0.3]},
        n_iter=4,
        cv=2,
        random_state=0,
    ).fit(X, Y)
    display = FrozenDepthDisplay.from_estimator(fitted, by="learning_rate")
    assert np.isfinite(display.scores).sum() == 4
    assert display.image_.get_array().count() == len(display.ax_.texts) == 4


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_fits_that_failed():
    grid = {"frozen_depth": [0, 1], "learning_rate": [99, 1]}
    fitted = search(grid, error_score=np.nan)
    display = FrozenDepthDisplay.from_estimator(fitted)
    np.testing.assert_array_equal(display.scores, [110, 111])
    display = FrozenDepthDisplay.from_estimator(fitted, by="learning_rate")
    np.testing.assert_array_equal(display.scores, [[110, 111], [np.nan, np.nan]])


def test_a_layer_is_not_a_fraction():
    display = FrozenDepthDisplay.from_estimator(search({"frozen_depth": [1, 1.0, 0.5]}))
    assert display.frozen_depths == [0.5, 1, 1.0]
    assert [type(depth) for depth in display.frozen_depths] == [float, int, float]


def test_in_a_pipeline(make, target):
    from matplotlib import pyplot as plt

    pipeline = Pipeline([("scale", StandardScaler()), ("clf", make(epochs=1))])
    grid = {"clf__frozen_depth": [0, "all"], "clf__learning_rate": [1e-3, 1e-2]}
    fitted = GridSearchCV(pipeline, grid, cv=2).fit(*target)
    _, ax = plt.subplots()
    display = FrozenDepthDisplay.from_estimator(fitted, by="learning_rate", ax=ax)
    assert display.ax_ is ax
    assert display.by == "clf__learning_rate"
    means = fitted.cv_results_["mean_test_score"].reshape(2, 2)
    np.testing.assert_array_equal(display.scores, means.T)
    stds = fitted.cv_results_["std_test_score"].reshape(2, 2)
    np.testing.assert_array_equal(display.stds, stds.T)
    assert ax.get_ylabel() == "learning rate"


def test_several_metrics():
    def high(estimator, X, y):
        return estimator.frozen_depth

    def low(estimator, X, y):
        return -estimator.frozen_depth

    grid, scoring = {"frozen_depth": [0, 1]}, {"high": high, "low": low}
    fitted = search(grid, scoring=scoring, refit="low")
    np.testing.assert_array_equal(
        FrozenDepthDisplay.from_estimator(fitted).scores, [0, -1]
    )
    fitted = search(grid, scoring=scoring, refit=False)
    with pytest.raises(ValueError, match="several metrics and refit=False"):
        FrozenDepthDisplay.from_estimator(fitted)


def test_bad_input():
    with pytest.raises(NotFittedError):
        FrozenDepthDisplay.from_estimator(GridSearchCV(Told(), {"frozen_depth": [0]}))
    message = "does not vary 'frozen_depth'; it varies 'epochs'"
    with pytest.raises(ValueError, match=message):
        FrozenDepthDisplay.from_estimator(search({"epochs": [1, 2]}))
    fitted = search({"frozen_depth": [0, 1], "epochs": [1]})
    with pytest.raises(ValueError, match=r"by: .* does not vary 'learning_rat'"):
        FrozenDepthDisplay.from_estimator(fitted, by="learning_rat")
    with pytest.raises(ValueError, match="by='frozen_depth'"):
        FrozenDepthDisplay.from_estimator(fitted, by="frozen_depth")
    two = VotingClassifier([("a", Told()), ("b", Told())])
    grid = {"a__frozen_depth": [0, 1], "b__frozen_depth": [0, 1]}
    fitted = search(grid, two, scoring=lambda estimator, X, y: 0.0)
    with pytest.raises(ValueError, match="varies more than one 'frozen_depth'"):
        FrozenDepthDisplay.from_estimator(fitted)
