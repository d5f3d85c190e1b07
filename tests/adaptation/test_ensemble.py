"""Ensemble: one network that predicts what the mean of its members does."""

import numpy as np
import pytest
from domain_methods import (
    assert_off_is_source_only,
    assert_reads_no_target_label_and_changes_no_input,
    fit,
    toy,
)

from sktransfer.adaptation import DAN, MCC, SHOT, Ensemble
from sktransfer.exceptions import NonFiniteLossError


def test_predicts_the_mean_of_its_members():
    domains = toy("subspace")
    X = domains[0][domains[2] < 0]
    methods = [DAN(), MCC(), SHOT()]
    proba = [fit(m, domains, random_state=0).predict_proba(X) for m in methods]
    mean = np.mean(proba, axis=0)
    model = fit(Ensemble(methods=methods), domains, random_state=0)
    assert model.history_["stage"][-1] == "target"
    agreement = (model.predict_proba(X).argmax(axis=1) == mean.argmax(axis=1)).mean()
    assert agreement > 0.95
    # Probabilities are learned, not only labels.
    assert np.abs(model.predict_proba(X) - mean).mean() < 0.1


def test_the_default_members_are_those_of_the_documentation():
    domains = toy("moons", n_samples=60)
    one = fit("ensemble", domains, epochs=2, random_state=0)
    other = fit(
        Ensemble(methods=[DAN(), MCC(), SHOT()], epochs=2),
        domains,
        epochs=2,
        random_state=0,
    )
    X = domains[0]
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_a_member_that_diverges_is_left_out(monkeypatch):
    def diverge(self, task):
        raise NonFiniteLossError("too large")

    domains = toy("moons", n_samples=60)
    expected = fit(Ensemble(methods=[DAN()]), domains, epochs=2, random_state=0)
    monkeypatch.setattr(MCC, "adapt", diverge)
    model = fit(Ensemble(methods=[MCC(), DAN()]), domains, epochs=2, random_state=0)
    X = domains[0]
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    with pytest.raises(NonFiniteLossError, match="too large"):
        fit(Ensemble(methods=[MCC()]), domains, epochs=2)


def test_bad_methods():
    domains = toy("moons", n_samples=60)
    with pytest.raises(ValueError, match="'methods' parameter of Ensemble is"):
        fit(Ensemble(methods=[]), domains)
    with pytest.raises(TypeError, match=r"has 'dan'; .* such as DAN\(\)"):
        fit(Ensemble(methods=["dan"]), domains)


def test_off_is_source_only():
    assert_off_is_source_only(Ensemble(), toy("subspace"))


def test_reads_no_target_label_and_changes_no_input():
    assert_reads_no_target_label_and_changes_no_input(
        Ensemble(methods=[DAN()]), toy("subspace", n_samples=60)
    )
