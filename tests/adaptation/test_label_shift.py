"""Predictions and losses corrected for the class prior of the target."""

import warnings

import numpy as np
import pytest
from domain_methods import (
    QUICK,
    assert_off_is_source_only,
    assert_reads_no_target_label_and_changes_no_input,
    assert_same_network,
    fit,
    mean_accuracies,
    target_accuracy,
    toy,
)
from networks import two_layers
from scipy.special import softmax

from sktransfer import TransferClassifier
from sktransfer._class_prior import correct_proba
from sktransfer.adaptation import LabelShift
from sktransfer.adaptation.methods import label_shift


@pytest.fixture
def estimates(monkeypatch):
    """Label shift estimates of the fits."""
    results = []
    function = label_shift.estimate_label_shift

    def estimate(*args, **kwargs):
        results.append(function(*args, **kwargs))
        return results[-1]

    monkeypatch.setattr(label_shift, "estimate_label_shift", estimate)
    return results


@pytest.mark.parametrize(("estimator", "trade_off"), [("em", 1.0), ("bbse", 0.4)])
def test_predictions_are_corrected_by_bayes_rule(estimates, estimator, trade_off):
    domains = X, y, sample_domain = toy("label")
    parameters = QUICK | {"dtype": "float64"}
    method = LabelShift(trade_off, estimator=estimator, guard=False)
    model = fit(method, domains, **parameters)
    plain = fit("source_only", domains, **parameters)
    features = plain.backbone_.build(dtype="float64")(X, training=False).numpy()
    kernel, bias = plain.backbone_.head
    (estimate,) = estimates
    calibrated = softmax(
        estimate.slope * (features @ kernel + bias) + estimate.bias, axis=1
    )
    prior = np.bincount(y[sample_domain >= 0]) / 300
    expected = correct_proba(
        calibrated, prior**trade_off, estimate.target_prior**trade_off
    )
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)
    np.testing.assert_array_equal(model.target_prior_, estimate.target_prior)
    np.testing.assert_allclose(estimate.source_prior, prior)


def test_the_loss_is_reweighted_by_class(estimates):
    trade_off = 0.5
    domains = X, y, sample_domain = toy("label")
    parameters = QUICK | {"backbone": two_layers((2,))}
    model = fit(LabelShift(trade_off, correct="loss"), domains, **parameters)
    source = sample_domain >= 0
    factor = (estimates[0].target_prior / estimates[0].source_prior) ** trade_off
    same = TransferClassifier(**parameters)
    same.fit(X[source], y[source], sample_weight=factor[y[source]])
    assert_same_network(model, same)


@pytest.mark.parametrize(("estimator", "error"), [("em", 0.07), ("bbse", 0.12)])
def test_the_class_prior_is_estimated(estimator, error):
    domains = toy("label", n_samples=1000, shift=0.75)
    prior = domains[1][domains[2] < 0].mean()
    model = fit(LabelShift(estimator=estimator), domains, random_state=0)
    assert model.target_prior_[1] == pytest.approx(prior, abs=error)
    assert model.target_prior_.sum() == pytest.approx(1)


def test_recovers_from_label_shift():
    plain, adapted = mean_accuracies(
        ["source_only", LabelShift()], lambda seed: toy("label", seed)
    )
    assert plain < 0.7
    assert adapted > 0.9


def test_a_rare_class():
    """A class with fewer samples than folds."""
    X, y, sample_domain = toy("label")
    y[:2] = 2
    model = fit(LabelShift(guard=False), (X, y, sample_domain), **QUICK)
    assert np.isfinite(model.predict_proba(X)).all()
    assert len(model.target_prior_) == 3


def test_a_class_of_a_kept_head_without_samples():
    X, y, sample_domain = toy("label")
    y = np.where(y == 1, 2, 0)
    three = fit("source_only", (X, np.arange(600) % 3, sample_domain), **QUICK)
    parameters = QUICK | {"backbone": three.backbone_, "head": "keep"}
    model = fit(LabelShift(guard=False), (X, y, sample_domain), **parameters)
    assert model.target_prior_[1] == 0
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("kind", ["covariate", "moons", "subspace"])
def test_guard_skips_the_correction_under_other_shifts(kind):
    domains = toy(kind)
    with pytest.warns(UserWarning, match="explains too little"):
        model = fit(LabelShift(), domains, random_state=0)
    assert_same_network(model, fit("source_only", domains, random_state=0))
    np.testing.assert_allclose(model.target_prior_, [0.5, 0.5])


def moved_beside_the_classes(seed=0):
    """Samples moved as if class 1 were larger, and in a column without classes."""
    rng = np.random.default_rng(seed)
    y, sample_domain = rng.permutation(np.arange(600) % 2), np.repeat([0, -1], 300)
    X = rng.normal(size=(600, 3))
    X[:, 0] += 2 * y
    X[300:] += [1, 0, 2]
    return X, y, sample_domain


@pytest.mark.parametrize("correct", ["predictions", "loss"])
def test_guard_detects_what_the_class_prior_does_not_explain(estimates, correct):
    domains = moved_beside_the_classes()
    parameters = {"epochs": 20, "random_state": 0}
    with pytest.warns(UserWarning, match=r"domains: 0\.\d\d; .* at most 0.75"):
        model = fit(LabelShift(correct=correct), domains, **parameters)
    (estimate,) = estimates
    assert estimate.is_plausible
    plain = fit("source_only", domains, **parameters)
    assert_same_network(model, plain)
    np.testing.assert_array_equal(model.target_prior_, estimate.source_prior)
    # The correction that is skipped would do harm.
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        corrected = fit(LabelShift(correct=correct, guard=False), domains, **parameters)
    np.testing.assert_array_equal(corrected.target_prior_, estimate.target_prior)
    accuracy, plain_accuracy = (target_accuracy(m, domains) for m in (corrected, plain))
    assert accuracy < plain_accuracy - 0.1


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]
)
def test_guard_and_auto_correct_label_shift(seed):
    domains = toy("label", seed)
    guarded, auto, corrected = (
        fit(method, domains, epochs=20, random_state=seed)
        for method in (LabelShift(), "auto", LabelShift(guard=False))
    )
    assert isinstance(auto.method_, LabelShift)
    assert_same_network(guarded, corrected)
    assert_same_network(auto, corrected)


def test_off_is_source_only():
    assert_off_is_source_only(LabelShift(), toy("label"))


def test_reads_no_target_label_and_changes_no_input():
    assert_reads_no_target_label_and_changes_no_input(LabelShift(), toy("label"))


def test_needs_a_sample_for_each_fold():
    X, y, sample_domain = toy("moons", n_samples=4)
    with pytest.raises(ValueError, match=r"into 3 folds, .* has 2 samples"):
        fit(LabelShift(), (X, y, sample_domain), **QUICK)
