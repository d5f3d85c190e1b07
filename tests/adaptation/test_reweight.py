"""Reweight: density ratios, and training with them."""

import keras
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
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from sktransfer import DomainAdaptedClassifier, TransferClassifier
from sktransfer._statistics import density_ratio
from sktransfer.adaptation import Reweight


def two_rules(seed=0, n=300):
    """Nine in ten rows of the source obey one rule; the target is where they do not.

    The class is whether the first column is above 0, but below 0 in the region of the
    target, which the second column tells.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(2 * n, 2)) * [1, 0.2]
    other = np.arange(2 * n) % 10 == 0
    other[n:] = True
    X[:, 1] += np.where(other, 1, -1)
    return X, ((X[:, 0] > 0) ^ other).astype(int), np.repeat([0, -1], n)


def as_it_is():
    """The columns themselves as features, so that the head is all there is."""
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2, kernel_initializer="identity")]
    )
    return model


def test_ratios_are_those_of_a_cross_fitted_classifier():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(60, 3)), rng.normal(0.5, 2, size=(40, 3))
    rows, is_target = np.concatenate([source, target]), np.repeat([0, 1], [60, 40])
    expected = np.empty(100)
    folds = StratifiedKFold(5, shuffle=True, random_state=7)
    for train, test in folds.split(rows, is_target):
        mean, std = rows[train].mean(axis=0), rows[train].std(axis=0)
        model = LogisticRegression(max_iter=1000)
        model.fit((rows[train] - mean) / std, is_target[train])
        proba = model.predict_proba((rows[test] - mean) / std)
        expected[test] = proba[:, 1] / proba[:, 0] * (60 / 40)
    found = density_ratio(source, target, seed=7)
    np.testing.assert_allclose(found, expected[:60], rtol=1e-5)


def test_ratios_of_known_densities():
    """Two normal densities of one width, for which the regression is right."""
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(20_000, 1)), rng.normal(0.5, 1, size=(10_000, 1))
    expected = np.exp(0.5 * source[:, 0] - 0.125)
    found = density_ratio(source, target, seed=0)
    assert np.abs(found / expected - 1).max() < 0.15


def test_domains_far_apart_give_numbers():
    rows = np.random.default_rng(0).normal(size=(50, 2))
    assert np.isfinite(density_ratio(rows, rows + 1e6, seed=0)).all()


@pytest.mark.parametrize("trade_off", [1.0, 0.5])
def test_the_network_is_trained_with_the_weights(trade_off):
    domains = X, y, sample_domain = toy("covariate", n_samples=150)
    parameters = QUICK | {"backbone": two_layers((2,))}
    model = fit(Reweight(trade_off, clip=1), domains, **parameters)
    weights, source = model.source_weights_, sample_domain >= 0
    assert weights[source].mean() == pytest.approx(1)
    assert (weights[~source] == 0).all()
    # Those that are cut off are the greatest, and many.
    assert (weights == weights.max()).sum() > 5
    same = TransferClassifier(**parameters)
    same.fit(X[source], y[source], sample_weight=weights[source])
    assert_same_network(model, same)


def test_trade_off_flattens_the_weights():
    domains = toy("covariate", n_samples=150)
    full, half = (
        fit(Reweight(trade_off), domains, **QUICK).source_weights_[:150]
        for trade_off in (1.0, 0.5)
    )
    flattened = np.sqrt(full)
    np.testing.assert_allclose(half, flattened / flattened.mean(), rtol=1e-5)


def test_labeled_rows_of_the_target_count_fully():
    X, y, sample_domain = toy("covariate", n_samples=150)
    y = np.where(np.arange(300) < 160, y, -1)
    model = DomainAdaptedClassifier(
        method="reweight", target_labels="use", **QUICK
    ).fit(X, y, sample_domain=sample_domain)
    assert (model.source_weights_[150:160] == 1).all()
    assert (model.source_weights_[160:] == 0).all()
    assert model.source_weights_[:150].mean() == pytest.approx(1)


def test_off_is_source_only():
    assert_off_is_source_only(Reweight(), toy("covariate"))


def test_reads_no_target_label_and_changes_no_input():
    assert_reads_no_target_label_and_changes_no_input(Reweight(), toy("covariate"))


def test_recovers_where_a_network_has_to_choose():
    plain, adapted = mean_accuracies(
        ["source_only", Reweight()],
        two_rules,
        backbone=as_it_is(),
        feature_layer="output",
        recipe="linear_probe",
    )
    assert plain < 0.7
    assert adapted > 0.9


def test_needs_two_rows_of_each_domain():
    X, y, sample_domain = toy("covariate", n_samples=20)
    with pytest.raises(ValueError, match="20 source samples and 1 target samples"):
        fit(Reweight(), (X[:21], y[:21], sample_domain[:21]), **QUICK)
