import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import Backbone, DomainAdaptedClassifier, TransferClassifier
from sktransfer.transferability._calibration import calibration
from sktransfer.transferability._cost import cost_for_score
from sktransfer.transferability._paired import paired_interval
from sktransfer.transferability._subsets import absolute_sizes, growing_order
from sktransfer.transferability.baselines import make_models


def test_interval_is_that_of_the_corrected_t():
    differences = np.array([0.1, 0.3, 0.2, 0.15, 0.05])
    mean, low, high = paired_interval(differences, 0.25, 0.9, n_intervals=4)
    # Nadeau & Bengio (2003), section 5: the variance times 1/J + n2/n1.
    scale = np.sqrt(differences.var(ddof=1) * (1 / 5 + 1 / 4))
    expected = stats.t.interval(1 - 0.1 / 4, 4, loc=differences.mean(), scale=scale)
    assert mean == pytest.approx(0.16)
    np.testing.assert_allclose([low, high], expected)


def test_interval_of_few_splits():
    assert np.isnan(paired_interval(np.array([]), 0.25)).all()
    mean, low, high = paired_interval(np.array([0.5]), 0.25)
    assert mean == 0.5
    assert np.isnan([low, high]).all()


def test_interval_covers_where_a_plain_one_does_not():
    """Two models with nothing between them but the draw of the data."""
    rng = np.random.default_rng(0)
    y = np.arange(100) % 2
    cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
    splits = [(rng.permutation(train)[:40], test) for train, test in cv.split(y, y)]

    def nearest_mean(X, train, test):
        """Accuracy of choosing the class with the nearer mean."""
        means = [X[train][y[train] == label].mean(axis=0) for label in (0, 1)]
        to_zero, to_one = (((X[test] - mean) ** 2).sum(axis=1) for mean in means)
        return np.mean((to_one < to_zero) == y[test])

    covered = {0.25: 0, 0.0: 0}
    n_draws = 200
    for _ in range(n_draws):
        X = rng.normal(size=(100, 20)) + 0.25 * y[:, None]
        differences = np.array(
            [
                nearest_mean(X[:, :10], train, test)
                - nearest_mean(X[:, 10:], train, test)
                for train, test in splits
            ]
        )
        for ratio in covered:
            _, low, high = paired_interval(differences, ratio, 0.95)
            covered[ratio] += low <= 0 <= high
    assert covered[0.25] >= 0.93 * n_draws
    assert covered[0.0] < 0.9 * n_draws


def test_cost_is_read_off_in_logarithms():
    assert cost_for_score(0.5, [10, 1000], [0.0, 1.0]) == (pytest.approx(100), "")
    assert cost_for_score(0.75, [10, 100, 400], [0.2, 0.5, 1.0]) == (
        pytest.approx(200),
        "",
    )


def test_cost_beyond_the_curve():
    assert cost_for_score(0.9, [10, 100], [0.2, 0.5]) == (100, "more than")
    assert cost_for_score(0.1, [10, 100], [0.2, 0.5]) == (10, "at most")
    assert cost_for_score(0.5, [10, 100], [0.2, 0.5]) == (pytest.approx(100), "")


def test_cost_on_a_curve_that_falls_in_between():
    # 0.6 and 0.4 become 0.5 twice.
    curve = [10, 100, 1000, 10000], [0.1, 0.6, 0.4, 0.9]
    assert cost_for_score(0.3, *curve) == (pytest.approx(10**1.5), "")
    assert cost_for_score(0.5, *curve) == (pytest.approx(100), "")
    assert cost_for_score(0.7, *curve) == (pytest.approx(10**3.5), "")


def test_cost_without_points():
    for score, scores in [(0.5, [np.nan, np.nan]), (np.nan, [0.1, 0.2])]:
        cost, bound = cost_for_score(score, [10, 100], scores)
        assert np.isnan(cost)
        assert bound == ""
    assert cost_for_score(0.3, [10, 20, 100], [0.2, np.nan, 0.5])[1] == ""


def test_calibration():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.full(3, 0.7), size=400)
    classes = np.array(["a", "b", "c"])
    y = classes[rng.integers(3, size=400)]
    found = calibration(y, proba, classes)
    assert found["log_loss"] == pytest.approx(log_loss(y, proba, labels=classes))
    confidence, hit = proba.max(axis=1), classes[proba.argmax(axis=1)] == y
    error = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            gap = abs(hit[inside].mean() - confidence[inside].mean())
            error += inside.mean() * gap
    assert found["calibration_error"] == pytest.approx(error)


def test_calibration_of_labels_that_the_model_does_not_know():
    found = calibration(
        np.array([0, 9]), np.array([[1.0, 0], [1, 0]]), np.array([0, 1])
    )
    assert found["log_loss"] == pytest.approx(-np.log(1e-15) / 2)
    assert found["calibration_error"] == pytest.approx(0.5)


@pytest.mark.parametrize("counts", [(30, 30, 30), (80, 15, 5), (97, 2, 1)])
def test_every_beginning_of_the_order_is_stratified(counts):
    codes = np.repeat(np.arange(3), counts)
    order = growing_order(codes, np.random.default_rng(0))
    assert sorted(order) == list(range(len(codes)))
    shares = np.array(counts) / len(codes)
    for n in range(3, len(codes) + 1):
        found = np.bincount(codes[order[:n]], minlength=3)
        assert found.min() >= 1
        # The rows that hold each class may put the others out by as many.
        assert np.abs(found - n * shares).max() <= 2


def test_orders_differ_with_the_draw():
    codes = np.arange(40) % 4
    orders = [growing_order(codes, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()


def test_sizes():
    np.testing.assert_array_equal(
        absolute_sizes([0.5, 0.29, 1.0], 100, 3), [29, 50, 100]
    )
    np.testing.assert_array_equal(absolute_sizes([50, 7, 7], 100, 3), [7, 50])


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([0.01, 1.0], r"a subset of 1 of 100 training samples.*each of the 3 classes"),
        ([2, 50], "at least 3 samples"),
        ([101], "has 101 samples; the smallest training set of cv has 100"),
        ([0.0, 0.5], r"values in \(0, 1\]"),
        ([1.5], r"values in \(0, 1\]"),
        ([], "expected a list"),
        (["few"], "expected a list"),
        (0.5, "expected a list"),
    ],
)
def test_bad_sizes(sizes, message):
    with pytest.raises(ValueError, match=message):
        absolute_sizes(sizes, 100, 3)


def made(estimator, baselines, has_domains=False):
    models = make_models(estimator, baselines, has_domains=has_domains)
    return {model.name: model for model in models}


def test_baselines_of_a_transfer(source):
    parameters = {"frozen_depth": "all", "l2_sp": 0.1, "layer_decay": 0.5, "epochs": 7}
    found = made(TransferClassifier(source, **parameters), "auto")
    assert list(found) == [
        "transfer",
        "scratch",
        "linear_probe",
        "logistic",
        "hist_gradient_boosting",
    ]
    scratch = found["scratch"].estimator
    assert scratch.backbone == source
    assert scratch.weights is None
    assert scratch.frozen_depth is scratch.l2_sp is scratch.layer_decay is None
    assert (scratch.recipe, scratch.epochs) == ("full", 7)
    probe = found["linear_probe"].estimator
    assert (probe.weights, probe.recipe, probe.epochs) == ("auto", "linear_probe", 7)
    deciding = [name for name, model in found.items() if model.decides_verdict]
    assert deciding[1:] == ["scratch", "logistic", "hist_gradient_boosting"]


def test_networks_inside_other_estimators(source):
    pipeline = make_pipeline(StandardScaler(), TransferClassifier(source))
    search = GridSearchCV(pipeline, {"transferclassifier__learning_rate": [1e-3]})
    for estimator, prefix in [(pipeline, ""), (search, "estimator__")]:
        found = made(estimator, ["scratch", "linear_probe"])
        name = f"{prefix}transferclassifier__"
        assert found["scratch"].estimator.get_params()[f"{name}weights"] is None
        probe = found["linear_probe"].estimator.get_params()
        assert probe[f"{name}recipe"] == "linear_probe"
    assert pipeline[-1].weights == "auto"


def test_scratch_of_a_table_network_standardizes(digits):
    fitted = TransferClassifier("mlp", epochs=1, random_state=0).fit(*digits[:2])
    X, y = digits[2][:60], digits[3][:60]
    fresh = TransferClassifier("mlp", epochs=1, random_state=0).fit(X, y)
    expected = fresh.backbone_.standardization.arrays
    for backbone in (fitted.backbone_, "tabular"):
        clf = TransferClassifier(backbone, softmax_temperature=0.9)
        scratch = made(clf, ["scratch"])["scratch"].estimator
        scratch.set_params(epochs=1).fit(X, y)
        assert scratch.backbone_.name == "mlp"
        found = scratch.backbone_.standardization.arrays
        for own, array in zip(found, expected, strict=True):
            np.testing.assert_array_equal(own, array)
        is_reset = backbone == "tabular"
        assert (scratch.softmax_temperature is None) == is_reset


def test_baselines_of_an_adaptation():
    found = made(DomainAdaptedClassifier(target_labels="use"), "auto", has_domains=True)
    assert list(found) == ["adapted", "source_only", "target_trained"]
    plain, trained = found["source_only"], found["target_trained"]
    flags = ("uses_domains", "uses_target", "decides_verdict")
    assert [getattr(plain, flag) for flag in flags] == [False, False, True]
    assert [getattr(trained, flag) for flag in flags] == [False, True, False]
    assert plain.estimator.method == trained.estimator.method == "source_only"
    assert plain.estimator.target_labels == "ignore"


def test_baselines_of_the_user(source):
    other = TransferClassifier(source, recipe="gradual")
    found = made(TransferClassifier(source), [GaussianNB(), ("gradual", other)])
    assert list(found) == ["transfer", "GaussianNB", "gradual"]
    assert found["GaussianNB"].decides_verdict
    assert not found["gradual"].decides_verdict


@pytest.mark.parametrize(
    ("baselines", "message"),
    [
        (["scrach"], r"baselines has 'scrach'.*Did you mean 'scratch'\?"),
        ("logistik", r"Did you mean 'logistic'\?"),
        ("hist-gradient-boosting", r"Did you mean 'hist_gradient_boosting'\?"),
        (["linear-probe"], r"Did you mean 'linear_probe'\?"),
        (["source_only"], "baselines has 'source_only'"),
        ([], "expected at least one"),
        (["logistic", "logistic"], "has the name 'logistic' twice"),
        ([("transfer", GaussianNB())], "has the name 'transfer' twice"),
        ([StandardScaler()], "which is not a classifier"),
    ],
)
def test_bad_baselines(source, baselines, message):
    with pytest.raises(ValueError, match=message):
        made(TransferClassifier(source), baselines)


def test_scratch_needs_something_pretrained(source):
    untrained = source.replace(pretrained=False)
    for network in (
        TransferClassifier("mlp"),
        TransferClassifier(source, weights=None),
        TransferClassifier(untrained),
    ):
        with pytest.raises(ValueError, match="itself starts from random weights"):
            made(network, ["scratch"])
    with pytest.raises(ValueError, match="needs a TransferClassifier"):
        made(LogisticRegression(), ["scratch"])
    assert isinstance(untrained, Backbone)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("source-only", "source_only"), ("target-trained", "target_trained")],
)
def test_unknown_baselines_of_an_adaptation(name, meant):
    with pytest.raises(ValueError, match=rf"Did you mean '{meant}'\?"):
        made(DomainAdaptedClassifier(), [name], has_domains=True)
