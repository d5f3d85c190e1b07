"""Predictions and losses corrected for the shares of the classes in the target."""

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
from sktransfer.adaptation import LabelShift
from sktransfer.adaptation.class_prior import correct_proba
from sktransfer.adaptation.methods import label_shift


@pytest.fixture
def found(monkeypatch):
    """What the last fit found out of the shift."""
    results = []
    function = label_shift.estimate_label_shift

    def estimate(*args, **kwargs):
        results.append(function(*args, **kwargs))
        return results[-1]

    monkeypatch.setattr(label_shift, "estimate_label_shift", estimate)
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
    calibrated = softmax(shift.slope * (features @ kernel + bias) + shift.bias, axis=1)
    share = np.bincount(y[sample_domain >= 0]) / 300
    expected = correct_proba(
        calibrated, share**trade_off, shift.target_prior**trade_off
    )
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)
    np.testing.assert_array_equal(model.target_prior_, shift.target_prior)
    np.testing.assert_allclose(shift.source_prior, share)


@pytest.mark.parametrize("trade_off", [1.0, 0.5])
def test_the_loss_is_reweighted_by_class(found, trade_off):
    domains = X, y, sample_domain = toy("label")
    parameters = QUICK | {"backbone": two_layers((2,))}
    model = fit(LabelShift(trade_off, correct="loss"), domains, **parameters)
    source = sample_domain >= 0
    factor = (found[0].target_prior / found[0].source_prior) ** trade_off
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
    with pytest.warns(UserWarning, match="explains too little"):
        model = fit(LabelShift(), domains, random_state=0)
    assert_same_network(model, fit("source_only", domains, random_state=0))
    np.testing.assert_allclose(model.target_prior_, [0.5, 0.5])


def moved_beside_the_classes(seed=0):
    """Rows moved as if there were more of class 1, and in a column of no class."""
    rng = np.random.default_rng(seed)
    y, sample_domain = rng.permutation(np.arange(600) % 2), np.repeat([0, -1], 300)
    X = rng.normal(size=(600, 3))
    X[:, 0] += 2 * y
    X[300:] += [1, 0, 2]
    return X, y, sample_domain


@pytest.mark.parametrize("correct", ["predictions", "loss"])
def test_guard_sees_what_the_shares_do_not_explain(found, correct):
    domains = moved_beside_the_classes()
    parameters = {"epochs": 20, "random_state": 0}
    with pytest.warns(UserWarning, match=r"domains: 0\.\d\d; .* at most 0.75"):
        model = fit(LabelShift(correct=correct), domains, **parameters)
    (shift,) = found
    assert shift.is_plausible
    plain = fit("source_only", domains, **parameters)
    assert_same_network(model, plain)
    np.testing.assert_array_equal(model.target_prior_, shift.source_prior)
    # It does not look in vain.
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        corrected = fit(LabelShift(correct=correct, guard=False), domains, **parameters)
    np.testing.assert_array_equal(corrected.target_prior_, shift.target_prior)
    accuracy, plain_accuracy = (target_accuracy(m, domains) for m in (corrected, plain))
    assert accuracy < plain_accuracy - 0.1


@pytest.mark.parametrize("seed", range(3))
def test_guard_and_auto_let_label_shift_pass(seed):
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


def test_needs_a_row_for_each_split():
    X, y, sample_domain = toy("moons", n_samples=4)
    with pytest.raises(ValueError, match=r"into 3 folds, .* has 2 samples"):
        fit(LabelShift(), (X, y, sample_domain), **QUICK)
