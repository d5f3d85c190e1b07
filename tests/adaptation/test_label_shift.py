"""Class shares of a target without labels, against loops and where they are known."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sktransfer.adaptation.label_shift import (
    estimate_prior_bbse,
    estimate_prior_em,
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
