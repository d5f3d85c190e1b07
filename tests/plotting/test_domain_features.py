import numpy as np
import pandas as pd
import pytest
from domains import make_adapted
from matplotlib.colors import to_hex
from sklearn.decomposition import PCA, KernelPCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import BackboneFeatures, TransferClassifier
from sktransfer.plotting import DomainFeaturesDisplay, TrainingCurveDisplay


@pytest.fixture(scope="module")
def rows(digits):
    """Rows of both domains, their classes and their domains."""
    X = np.concatenate([digits[0][:60], digits[2][:40]])
    return (
        X,
        np.concatenate([digits[1][:60], digits[3][:40]]),
        np.repeat([0, -1], [60, 40]),
    )


@pytest.fixture(scope="module")
def fitted(rows):
    X, y, domains = rows
    return make_adapted("dan", epochs=1).fit(X, y, sample_domain=domains)


def draw(estimator, rows, **arguments):
    X, y, domains = rows
    arguments = {"y": y, "sample_domain": domains} | arguments
    return DomainFeaturesDisplay.from_estimator(estimator, X, **arguments)


def drawn(axes, domain):
    """What is drawn of a domain: the rows and the color of each class."""
    groups = [group for group in axes.collections if group.get_label() == domain]
    return [
        (np.asarray(g.get_offsets()), tuple(g.get_facecolor()[0][:3])) for g in groups
    ]


def test_points_are_the_first_two_components(fitted, rows):
    X, y, domains = rows
    display = draw(fitted, rows)
    features = BackboneFeatures(fitted.backbone_).fit_transform(X)
    expected = PCA(2).fit_transform(features)
    np.testing.assert_allclose(display.points["features"], expected, atol=1e-5)
    assert display.figure_ is display.ax_.figure
    of_domain = {"source": domains == 0, "target": domains == -1}
    for name, mask in of_domain.items():
        groups = drawn(display.ax_, name)
        assert len(groups) == 5
        for label, (points, _) in enumerate(groups):
            np.testing.assert_allclose(points, expected[mask & (y == label)], atol=1e-5)
    # Classes have the same color in both domains, and each its own.
    colors = {
        name: [color for _, color in drawn(display.ax_, name)] for name in of_domain
    }
    assert colors["source"] == colors["target"]
    assert len(set(colors["source"])) == 5
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["source", "target"]
    markers = [h.get_marker() for h in display.ax_.get_legend().legend_handles]
    assert markers == ["o", "x"]
    places = {text.get_text(): text.get_position() for text in display.ax_.texts}
    assert sorted(places) == list("01234")
    median = np.median(expected[(domains == 0) & (y == 3)], axis=0)
    np.testing.assert_allclose(places["3"], median, atol=1e-5)


def test_before_and_after(fitted, source, rows):
    display = draw(fitted, rows, before=source)
    assert display.ax_.shape == (2,)
    assert [axes.get_title() for axes in display.ax_] == ["before", "after"]
    before = draw(source, rows).points["features"]
    np.testing.assert_array_equal(display.points["before"], before)
    after = draw(fitted, rows).points["features"]
    np.testing.assert_array_equal(display.points["after"], after)
    assert len(drawn(display.ax_[1], "target")) == 5


def test_without_labels_classes_are_those_predicted(fitted, rows):
    display = draw(fitted, rows, y=None)
    np.testing.assert_array_equal(display.labels, fitted.predict(rows[0]))


@pytest.mark.parametrize("marker", [np.nan, None, -1])
def test_rows_without_a_label_are_grey(marker, fitted, rows):
    _, y, domains = rows
    display = draw(fitted, rows, y=np.where(domains == 0, y, marker))
    ((points, color),) = drawn(display.ax_, "target")
    assert len(points) == 40
    assert len(set(color)) == 1
    assert len(drawn(display.ax_, "source")) == 5
    assert len(display.ax_.texts) == 5


def test_minus_one_may_be_a_class(fitted, rows):
    _, y, _ = rows
    display = draw(fitted, rows, y=np.where(y < 2, -1, 1))
    assert [text.get_text() for text in display.ax_.texts] == ["-1", "1"]
    assert len(drawn(display.ax_, "target")) == 2


def test_several_domains_and_many_classes(fitted, rows):
    X, _, _ = rows
    names = np.array([f"class {i % 12}" for i in range(len(X))])
    domains = np.arange(len(X)) % 4 - 2
    display = draw(fitted, rows, y=names, sample_domain=domains)
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["source 0", "source 1", "target -1", "target -2"]
    markers = [h.get_marker() for h in display.ax_.get_legend().legend_handles]
    assert len(set(markers)) == 4
    assert len(display.ax_.texts) == 12
    groups = drawn(display.ax_, "source 0") + drawn(display.ax_, "source 1")
    assert len({color for _, color in groups}) == 6


def test_in_a_pipeline(source, rows):
    X, y, domains = rows
    pipeline = make_pipeline(StandardScaler(), make_adapted("source_only", epochs=1))
    pipeline.fit(X, y)
    scaled = pipeline[0].transform(X)
    expected = draw(pipeline[-1], (scaled, y, domains)).points["features"]
    np.testing.assert_array_equal(draw(pipeline, rows).points["features"], expected)


def test_projection(source, rows):
    display = draw(source, rows, projection=KernelPCA(2, kernel="rbf"))
    features = BackboneFeatures(source).fit_transform(rows[0])
    expected = KernelPCA(2, kernel="rbf").fit_transform(features)
    np.testing.assert_allclose(display.points["features"], expected, atol=1e-5)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, -1])
def test_unlabeled_samples_are_grey(missing, fitted, rows):
    X, y, domains = rows
    masked = y.astype(object)
    hidden = np.flatnonzero(domains < 0)[5:]
    masked[hidden] = missing
    display = draw(fitted, (X, masked, domains))
    n_grey = sum(
        len(drawn.get_offsets())
        for drawn in display.ax_.collections
        if to_hex(drawn.get_facecolor()[0]) == "#777777"
    )
    assert n_grey == len(hidden)
    assert [text.get_text() for text in display.ax_.texts] == list("01234")


def test_frames_with_gaps_and_strings():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"size": rng.normal(size=40), "color": ["red", "blue"] * 20})
    X.loc[[1, 30], "size"] = np.nan
    X.loc[[2, 31], "color"] = None
    y = np.arange(40) % 2
    classifier = make_pipeline("passthrough", TransferClassifier(random_state=0))
    classifier.fit(X[:20], y[:20])
    display = draw(classifier, (X, None, np.repeat([0, -1], 20)))
    assert display.points["features"].shape == (40, 2)
    assert set(display.labels) == {0, 1}
    assert len(TrainingCurveDisplay.from_estimator(classifier).lines_) > 0


def test_bad_input(fitted, source, rows):
    from matplotlib import pyplot as plt

    X, y, domains = rows
    with pytest.raises(NotFittedError):
        draw(make_adapted(), rows)
    with pytest.raises(NotFittedError):
        draw(fitted, rows, before=make_adapted())
    with pytest.raises(TypeError, match="LogisticRegression has no backbone_"):
        draw(LogisticRegression().fit(X, y), rows)
    with pytest.raises(TypeError, match="y=None with a Backbone"):
        draw(source, rows, y=None)
    with pytest.raises(ValueError, match="y has 99 labels for 100 samples"):
        draw(fitted, rows, y=y[1:])
    with pytest.raises(ValueError, match=r"sample_domain has 99 values.*100 samples"):
        draw(fitted, rows, sample_domain=domains[1:])
    with pytest.raises(ValueError, match=r"projection=PCA\(n_components=3\) returns"):
        draw(fitted, rows, projection=PCA(3))
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="ax has 1 axes for 2 panels"):
        draw(fitted, rows, before=source, ax=ax)
