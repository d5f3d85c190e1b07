import numpy as np
import pytest
from domains import make_adapted
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import BackboneFeatures
from sktransfer.plotting import TrainingCurveDisplay


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_the_curve_is_the_history(make, target):
    clf = make(epochs=4, early_stopping=True).fit(*target)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert list(display.lines_) == ["loss", "val_loss", "val_accuracy"]
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, clf.n_iter_ + 1))
        np.testing.assert_array_equal(line.get_ydata(), clf.history_[name])
    assert display.lines_["loss"].axes is display.lines_["val_loss"].axes is display.ax_
    assert display.lines_["val_accuracy"].axes is display.score_ax_
    assert display.figure_ is display.ax_.figure
    assert display.ax_.get_xlabel() == "epoch"
    assert display.score_ax_.get_ylabel() == "accuracy"
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["training loss", "validation loss", "validation accuracy"]
    # The solved probe, then epochs.
    assert texts(display.ax_) == ["probe", "fine_tune"]
    styles = {(line.get_color(), line.get_marker()) for line in display.lines_.values()}
    assert len(styles) == 3


@pytest.mark.parametrize(
    ("recipe", "stages"), [("linear_probe", ["probe"]), ("full", ["fine_tune"])]
)
def test_without_validation_there_is_one_axis(recipe, stages, make, target):
    display = TrainingCurveDisplay.from_estimator(make(recipe=recipe).fit(*target))
    assert list(display.lines_) == ["loss"]
    assert display.score_ax_ is None
    assert len(display.figure_.axes) == 1
    assert texts(display.ax_) == stages


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_domains(digits):
    X = np.concatenate([digits[0][:60], digits[2][:60]])
    domains = np.repeat([0, -1], 60)
    clf = make_adapted("dann", epochs=2, recipe="lp_ft")
    clf.fit(X, np.concatenate([digits[1][:60], np.full(60, -1)]), sample_domain=domains)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert list(display.lines_) == ["loss", "alignment_loss", "domain_accuracy"]
    drawn = display.lines_["alignment_loss"].get_ydata()
    # The probe aligns nothing.
    assert np.isnan(drawn).tolist() == [
        x is None for x in clf.history_["alignment_loss"]
    ]
    assert display.lines_["domain_accuracy"].axes is display.score_ax_


def test_in_pipelines_and_searches(make, target):
    from matplotlib import pyplot as plt

    search = GridSearchCV(
        make_pipeline(StandardScaler(), make()),
        {"transferclassifier__epochs": [2]},
        cv=2,
    ).fit(*target)
    _, ax = plt.subplots()
    display = TrainingCurveDisplay.from_estimator(search, ax=ax)
    assert display.ax_ is ax
    fitted = search.best_estimator_[-1]
    np.testing.assert_array_equal(
        display.lines_["loss"].get_ydata(), fitted.loss_curve_
    )


def test_bad_input(make, source, target):
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(make())
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(make_pipeline(StandardScaler(), make()))
    others = [
        GaussianNB(),
        make_pipeline(BackboneFeatures(source), GaussianNB()),
    ]
    for other in others:
        with pytest.raises(TypeError, match="GaussianNB, which has no history_"):
            TrainingCurveDisplay.from_estimator(other.fit(*target))
