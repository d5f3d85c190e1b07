"""Class shares of a target without labels, against loops and where they are known."""

import numpy as np
import pytest
from domain_methods import (
    QUICK,
    assert_off_is_source_only,
    assert_reads_no_target_label_and_changes_no_input,
    assert_same_network,
    fit,
    mean_accuracies,
    toy,
)
from networks import two_layers
from scipy.optimize import minimize
from scipy.stats import ks_2samp
from sklearn.linear_model import LogisticRegression

from sktransfer import TransferClassifier
from sktransfer.adaptation import LabelShift, label_shift
from sktransfer.adaptation.label_shift import (
    calibrate,
    estimate_prior_bbse,
    estimate_prior_em,
    largest_step,
    reweight_proba,
)

SOURCE = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.1, 0.2, 0.7])


def draw(prior, n, rng):
    """Three classes that overlap, with the same rows in each whatever its share."""
    y = rng.choice(3, size=n, p=prior)
    centres = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 2.0]])
    return centres[y] + rng.normal(size=(n, 2)), y


@pytest.fixture(scope="module")
def domains():
    rng = np.random.default_rng(0)
    X, y = draw(SOURCE, 40_000, rng)
    model = LogisticRegression().fit(X[:20_000], y[:20_000])
    return model, (X[20_000:], y[20_000:]), draw(TARGET, 20_000, rng)


def test_em_finds_the_shares(domains):
    model, _, (X, _) = domains
    prior = estimate_prior_em(model.predict_proba(X), SOURCE)
    assert prior.sum() == pytest.approx(1)
    assert np.abs(prior - TARGET).max() < 0.02
    # Those of the predictions are far away.
    naive = np.bincount(model.predict(X), minlength=3) / len(X)
    assert np.abs(naive - TARGET).max() > 0.05


def test_em_is_at_the_greatest_likelihood(domains):
    """Of the target's rows, as a mixture of classes: none near it is better."""
    model, _, (X, _) = domains
    proba = model.predict_proba(X)

    def likelihood(prior):
        return np.log((proba / SOURCE) @ prior).mean()

    prior = estimate_prior_em(proba, SOURCE)
    rng = np.random.default_rng(0)
    for _ in range(50):
        near = np.abs(prior + rng.normal(scale=0.01, size=3))
        assert likelihood(near / near.sum()) <= likelihood(prior) + 1e-9


def test_bbse_finds_the_shares(domains):
    model, (X_source, y_source), (X, _) = domains
    prior = estimate_prior_bbse(
        model.predict(X), model.predict(X_source), y_source, n_classes=3
    )
    assert prior.sum() == pytest.approx(1)
    assert np.abs(prior - TARGET).max() < 0.02


def test_bbse_solves_its_equations():
    """With a confusion matrix written out, and predictions made for known weights."""
    y = np.repeat([0, 1], [60, 40])
    predicted = np.concatenate(
        [np.repeat([0, 1], [45, 15]), np.repeat([0, 1], [8, 32])]
    )
    # Weights 0.5 and 1.75: 0.45 * 0.5 + 0.08 * 1.75 = 0.365 are predicted as 0.
    target = np.repeat([0, 1], [365, 635])
    prior = estimate_prior_bbse(target, predicted, y, n_classes=2)
    np.testing.assert_allclose(prior, [0.6 * 0.5, 0.4 * 1.75])


def test_bbse_gives_no_negative_share():
    y = np.repeat([0, 1], 50)
    predicted = np.concatenate(
        [np.repeat([0, 1], [30, 20]), np.repeat([0, 1], [20, 30])]
    )
    prior = estimate_prior_bbse(np.zeros(10, int), predicted, y, n_classes=2)
    np.testing.assert_allclose(prior, [1, 0])


def test_reweighted_probabilities_are_bayes_rule(domains):
    rng = np.random.default_rng(0)
    density = rng.uniform(size=(5, 3))

    def posterior(prior):
        joint = density * prior
        return joint / joint.sum(axis=1, keepdims=True)

    np.testing.assert_allclose(
        reweight_proba(posterior(SOURCE), SOURCE, TARGET), posterior(TARGET)
    )


def test_corrected_predictions_are_better(domains):
    model, _, (X, y) = domains
    proba = model.predict_proba(X)
    corrected = reweight_proba(proba, SOURCE, estimate_prior_em(proba, SOURCE))
    accuracy = (corrected.argmax(axis=1) == y).mean()
    assert accuracy > (proba.argmax(axis=1) == y).mean() + 0.03


def test_the_same_shares_change_nothing():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), size=20)
    np.testing.assert_allclose(reweight_proba(proba, SOURCE, SOURCE), proba)


# ---- calibration and the guard


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_calibration_has_the_least_cross_entropy():
    """Against a search that knows no gradient."""
    rng = np.random.default_rng(0)
    y, weight = rng.integers(0, 3, 80), rng.uniform(0.5, 2, 80)
    logits = rng.normal(scale=3, size=(80, 3)) + 2 * np.eye(3)[y] + [1, 0, 0]

    def objective(parameters):
        proba = softmax(parameters[0] * logits + parameters[1:])
        loss = 0.0
        for i in range(80):
            loss -= weight[i] * np.log(proba[i, y[i]])
        return loss / weight.sum() + (parameters[1:] ** 2).sum() / 160

    found = minimize(
        objective,
        [1, 0, 0, 0],
        method="Nelder-Mead",
        options={"fatol": 1e-13, "xatol": 1e-9, "maxiter": 5000, "maxfev": 5000},
    ).x
    slope, bias = calibrate(logits, y, weight)
    np.testing.assert_allclose([slope, *bias], found, atol=1e-5)


def test_calibration_undoes_temperature_and_bias():
    rng = np.random.default_rng(0)
    scores = rng.normal(scale=2, size=(100_000, 3))
    draws = (softmax(scores).cumsum(axis=1) < rng.uniform(size=(100_000, 1))).sum(
        axis=1
    )
    slope, bias = calibrate(4 * scores + [3, 0, -3], draws, np.ones(100_000))
    assert slope == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(bias, [-0.75, 0, 0.75], atol=0.03)


def test_calibration_without_rows_of_a_class():
    logits = np.random.default_rng(0).normal(size=(30, 3))
    slope, bias = calibrate(logits, np.arange(30) % 2, np.ones(30))
    assert slope > 0
    assert np.isfinite(bias).all()


def test_largest_step_is_that_of_the_two_sample_test():
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.ones(3), size=50).round(1)
    others = rng.dirichlet([1, 2, 1], size=30).round(1)
    weight = rng.integers(1, 4, 50)
    expected = max(
        ks_2samp(np.repeat(rows[:, c], weight), others[:, c]).statistic
        for c in range(3)
    )
    assert largest_step(rows, weight, others) == pytest.approx(expected, abs=1e-12)


# ---- the method


@pytest.fixture
def found(monkeypatch):
    """What the last fit found out of the shift."""
    results = []
    function = label_shift.estimate_shift

    def estimate(*args, **kwargs):
        results.append(function(*args, **kwargs))
        return results[-1]

    monkeypatch.setattr(label_shift, "estimate_shift", estimate)
    return results


@pytest.mark.parametrize("trade_off", [1.0, 0.4])
@pytest.mark.parametrize("estimator", ["em", "bbse"])
def test_predictions_are_corrected_by_bayes_rule(found, estimator, trade_off):
    domains = X, y, sample_domain = toy("label")
    parameters = QUICK | {"dtype": "float64"}
    method = LabelShift(trade_off, estimator=estimator, guard=False)
    model = fit(method, domains, **parameters)
    plain = fit("source_only", domains, **parameters)
    features = plain.backbone_.build(dtype="float64")(X, training=False).numpy()
    kernel, bias = plain.backbone_.head
    (shift,) = found
    calibrated = softmax(shift.slope * (features @ kernel + bias) + shift.bias)
    share = np.bincount(y[sample_domain >= 0]) / 300
    expected = reweight_proba(calibrated, share**trade_off, shift.prior**trade_off)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)
    np.testing.assert_array_equal(model.target_prior_, shift.prior)
    np.testing.assert_allclose(shift.source_prior, share)


@pytest.mark.parametrize("trade_off", [1.0, 0.5])
def test_the_loss_is_reweighted_by_class(found, trade_off):
    domains = X, y, sample_domain = toy("label")
    parameters = QUICK | {"backbone": two_layers((2,))}
    model = fit(LabelShift(trade_off, correct="loss"), domains, **parameters)
    source = sample_domain >= 0
    factor = (found[0].prior / found[0].source_prior) ** trade_off
    same = TransferClassifier(**parameters)
    same.fit(X[source], y[source], sample_weight=factor[y[source]])
    assert_same_network(model, same)


@pytest.mark.parametrize(("estimator", "error"), [("em", 0.07), ("bbse", 0.12)])
def test_the_shares_are_found(estimator, error):
    domains = toy("label", n_samples=1000, shift=0.75)
    share = domains[1][domains[2] < 0].mean()
    model = fit(LabelShift(estimator=estimator), domains, random_state=0)
    assert model.target_prior_[1] == pytest.approx(share, abs=error)
    assert model.target_prior_.sum() == pytest.approx(1)


def test_recovers_from_label_shift():
    plain, adapted = mean_accuracies(
        ["source_only", LabelShift()], lambda seed: toy("label", seed)
    )
    assert plain < 0.7
    assert adapted > 0.9


def test_a_rare_class():
    """One with fewer rows than there are splits."""
    X, y, sample_domain = toy("label")
    y[:2] = 2
    model = fit(LabelShift(guard=False), (X, y, sample_domain), **QUICK)
    assert np.isfinite(model.predict_proba(X)).all()
    assert len(model.target_prior_) == 3


def test_a_class_of_the_kept_head_without_rows():
    X, y, sample_domain = toy("label")
    y = np.where(y == 1, 2, 0)
    three = fit("source_only", (X, np.arange(600) % 3, sample_domain), **QUICK)
    parameters = QUICK | {"backbone": three.backbone_, "head": "keep"}
    model = fit(LabelShift(guard=False), (X, y, sample_domain), **parameters)
    assert model.target_prior_[1] == 0
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("kind", ["covariate", "moons", "subspace"])
def test_guard_leaves_other_shifts_alone(kind):
    domains = toy(kind)
    with pytest.warns(UserWarning, match="explain too little"):
        model = fit(LabelShift(), domains, random_state=0)
    assert_same_network(model, fit("source_only", domains, random_state=0))
    np.testing.assert_allclose(model.target_prior_, [0.5, 0.5])


def test_off_is_source_only():
    assert_off_is_source_only(LabelShift(), toy("label"))


def test_reads_no_target_label_and_changes_no_input():
    assert_reads_no_target_label_and_changes_no_input(LabelShift(), toy("label"))


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("estimator", "mle", "'em', 'bbse'"),
        ("correct", "both", "'predictions', 'loss'"),
        ("n_splits", 1, "2 or more"),
        ("n_splits", 2.0, "2 or more"),
    ],
)
def test_parameters_are_checked(name, value, accepted):
    with pytest.raises(ValueError, match=f"{name}={value!r}.*{accepted}"):
        fit(LabelShift(**{name: value}), toy("label"), **QUICK)


def test_needs_a_row_for_each_split():
    X, y, sample_domain = toy("moons", n_samples=4)
    with pytest.raises(ValueError, match=r"into 3 parts; its largest class has 2 rows"):
        fit(LabelShift(), (X, y, sample_domain), **QUICK)
