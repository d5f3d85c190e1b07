"""Class priors estimated without labels, compared with loops and true values."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from sktransfer._class_prior import (
    calibrate,
    correct_proba,
    estimate_prior_bbse,
    estimate_prior_em,
)

SOURCE = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.1, 0.2, 0.7])


def draw(prior, n, rng):
    """Draw from three classes that overlap, with a class prior."""
    y = rng.choice(3, size=n, p=prior)
    centers = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 2.0]])
    return centers[y] + rng.normal(size=(n, 2)), y


@pytest.fixture(scope="module")
def domains():
    rng = np.random.default_rng(0)
    X, y = draw(SOURCE, 40_000, rng)
    model = LogisticRegression().fit(X[:20_000], y[:20_000])
    return model, (X[20_000:], y[20_000:]), draw(TARGET, 20_000, rng)


def test_em_estimates_the_class_prior(domains):
    model, _, (X, _) = domains
    prior = estimate_prior_em(model.predict_proba(X), SOURCE)
    assert prior.sum() == pytest.approx(1)
    assert np.abs(prior - TARGET).max() < 0.02
    # The fractions of the predicted classes are far away.
    naive = np.bincount(model.predict(X), minlength=3) / len(X)
    assert np.abs(naive - TARGET).max() > 0.05


def test_em_is_at_the_greatest_likelihood(domains):
    """Of the target samples, as a mixture of classes: no prior near it is better."""
    model, _, (X, _) = domains
    proba = model.predict_proba(X)

    def likelihood(prior):
        return np.log((proba / SOURCE) @ prior).mean()

    prior = estimate_prior_em(proba, SOURCE)
    rng = np.random.default_rng(0)
    for _ in range(50):
        near = np.abs(prior + rng.normal(scale=0.01, size=3))
        assert likelihood(near / near.sum()) <= likelihood(prior) + 1e-9


def test_bbse_estimates_the_class_prior(domains):
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


def test_bbse_estimates_no_negative_prior():
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
        correct_proba(posterior(SOURCE), SOURCE, TARGET), posterior(TARGET)
    )


def test_corrected_predictions_are_better(domains):
    model, _, (X, y) = domains
    proba = model.predict_proba(X)
    corrected = correct_proba(proba, SOURCE, estimate_prior_em(proba, SOURCE))
    accuracy = (corrected.argmax(axis=1) == y).mean()
    assert accuracy > (proba.argmax(axis=1) == y).mean() + 0.03


def test_the_same_prior_changes_nothing():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), size=20)
    np.testing.assert_allclose(correct_proba(proba, SOURCE, SOURCE), proba)


# ---- calibration


def test_calibration_has_the_least_cross_entropy():
    """Compared with a search without gradients."""
    rng = np.random.default_rng(0)
    y, weight = rng.integers(0, 3, 80), rng.uniform(0.5, 2, 80)
    logits = rng.normal(scale=3, size=(80, 3)) + 2 * np.eye(3)[y] + [1, 0, 0]

    def objective(parameters):
        proba = softmax(parameters[0] * logits + parameters[1:], axis=1)
        loss = 0.0
        for i in range(80):
            loss -= weight[i] * np.log(proba[i, y[i]])
        return loss / weight.sum() + (parameters[1:] ** 2).sum() / 160

    expected = minimize(
        objective,
        [1, 0, 0, 0],
        method="Nelder-Mead",
        options={"fatol": 1e-13, "xatol": 1e-9, "maxiter": 5000, "maxfev": 5000},
    ).x
    slope, bias = calibrate(logits, y, weight)
    np.testing.assert_allclose([slope, *bias], expected, atol=1e-5)


def test_calibration_undoes_temperature_and_bias():
    rng = np.random.default_rng(0)
    scores = rng.normal(scale=2, size=(100_000, 3))
    draws = (
        softmax(scores, axis=1).cumsum(axis=1) < rng.uniform(size=(100_000, 1))
    ).sum(axis=1)
    slope, bias = calibrate(4 * scores + [3, 0, -3], draws, np.ones(100_000))
    assert slope == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(bias, [-0.75, 0, 0.75], atol=0.03)


def test_calibration_without_samples_of_a_class():
    logits = np.random.default_rng(0).normal(size=(30, 3))
    slope, bias = calibrate(logits, np.arange(30) % 2, np.ones(30))
    assert slope > 0
    assert np.isfinite(bias).all()
