"""DomainStandardize: columns of the target on the source's scale, against NumPy."""

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
from networks import convolutional, two_layers, with_batch_normalization

from sktransfer import DomainAdaptedClassifier
from sktransfer.adaptation import DomainStandardize

UNGUARDED = DomainStandardize(guard=False)


def standardized(X, onto):
    """Columns of X with the means and deviations that those of another array have."""
    axes = tuple(range(X.ndim - 1))
    # A unit that is off for all rows is moved alone.
    varies = X.std(axes) > 0
    scale = np.where(varies, onto.std(axes) / np.where(varies, X.std(axes), 1), 1)
    scale = np.maximum(scale, 1e-6)
    return (X - X.mean(axes)) * scale + onto.mean(axes)


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def features_of(model, X):
    return model.backbone_.build(dtype="float64")(X, training=False).numpy()


@pytest.mark.parametrize("trade_off", [1.0, 0.3])
def test_rows_and_features_are_mapped(trade_off):
    domains = X, _, sample_domain = toy("moons")
    parameters = QUICK | {"dtype": "float64", "backbone": two_layers((2,))}
    adapted = fit(DomainStandardize(trade_off, guard=False), domains, **parameters)
    plain = fit("source_only", domains, **parameters)
    source, target = X[sample_domain >= 0], X[sample_domain < 0]

    def mapped(rows, onto):
        return trade_off * standardized(rows, onto) + (1 - trade_off) * rows

    features = features_of(plain, mapped(target, source))
    features = mapped(features, features_of(plain, source))
    kernel, bias = plain.backbone_.head
    expected = softmax(features @ kernel + bias)
    np.testing.assert_allclose(adapted.predict_proba(target), expected, atol=1e-5)


def test_batch_normalization_takes_care_of_the_features():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 64)), np.arange(80) % 2
    X[40:] = 2 * X[40:] + 1
    domains = X, y, np.repeat([0, -1], 40)
    parameters = QUICK | {"dtype": "float64", "backbone": with_batch_normalization()}
    adapted = fit(UNGUARDED, domains, **parameters)
    plain = fit("source_only", domains, **parameters)
    expected = plain.predict_proba(standardized(X[40:], X[:40]))
    np.testing.assert_allclose(adapted.predict_proba(X[40:]), expected, atol=1e-5)


def test_of_images_each_channel_is_mapped():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(0, 255, size=(40, 8, 8, 2)), np.arange(40) % 2
    X[20:] = X[20:] * [0.2, 0.5] + [10, 90]
    domains = X, y, np.repeat([0, -1], 20)
    parameters = QUICK | {"dtype": "float64", "backbone": convolutional((8, 8, 2))}
    adapted = fit(UNGUARDED, domains, **parameters)
    plain = fit("source_only", domains, **parameters)
    features = standardized(
        features_of(plain, standardized(X[20:], X[:20])), features_of(plain, X[:20])
    )
    kernel, bias = plain.backbone_.head
    expected = softmax(features @ kernel + bias)
    np.testing.assert_allclose(adapted.predict_proba(X[20:]), expected, atol=1e-5)


def test_columns_that_do_not_vary():
    """In the target, in the source, in both."""
    X, y, sample_domain = toy("concept")
    extra = np.full((len(X), 3), 7.3)
    extra[sample_domain >= 0, 0] = np.arange(300)
    extra[sample_domain < 0, 1] = np.arange(300)
    wide = np.column_stack([X, extra]), y, sample_domain
    model = fit(UNGUARDED, wide, random_state=0)
    plain = fit(UNGUARDED, (X, y, sample_domain), random_state=0)
    assert np.isfinite(model.predict_proba(wide[0])).all()
    assert target_accuracy(plain, (X, y, sample_domain)) > 0.9
    assert target_accuracy(model, wide) > 0.9


def test_several_sources_are_put_on_one_scale():
    """As if they had been before, each by its own means and deviations."""
    X, y, sample_domain = toy("concept")
    X[:100] = 3 * X[:100] - 4
    sample_domain[:100] = 5
    early = {
        "early_stopping": True,
        "scoring": None,
        "backbone": two_layers((2,)),
        "dtype": "float64",
    }
    for parameters in (QUICK | {"backbone": two_layers((2,))}, QUICK | early):
        model = fit(UNGUARDED, (X, y, sample_domain), **parameters)
        if "early_stopping" in parameters:
            # The rows set aside are scored on that scale too.
            assert model.best_validation_score_ > 0.5
            continue
        moved = X.copy()
        for domain in (0, 5):
            rows = sample_domain == domain
            moved[rows] = standardized(X[rows], X[:300])
        one = np.where(sample_domain >= 0, 0, -1)
        expected = fit(UNGUARDED, (moved, y, one), **parameters)
        np.testing.assert_allclose(
            model.predict_proba(X[300:]), expected.predict_proba(X[300:]), atol=1e-4
        )


def test_labeled_rows_of_the_target_are_mapped_before_training():
    X, y, sample_domain = toy("concept")
    known = np.where(np.arange(600) < 360, y, -1)
    parameters = QUICK | {"target_labels": "use", "backbone": two_layers((2,))}
    model = DomainAdaptedClassifier(method=UNGUARDED, **parameters)
    model.fit(X, known, sample_domain=sample_domain)
    moved = X.copy()
    moved[300:] = standardized(X[300:], X[:300])
    expected = DomainAdaptedClassifier(method=UNGUARDED, **parameters)
    expected.fit(moved, known, sample_domain=sample_domain)
    np.testing.assert_allclose(
        model.predict_proba(X[300:]), expected.predict_proba(moved[300:]), atol=1e-4
    )


def test_weights_count_as_rows():
    """A row of weight 2 is as two of it, for the moments too."""
    X, y, sample_domain = toy("concept", n_samples=60)
    weight = np.where(np.arange(120) < 20, 2.0, 1.0)
    twice = np.r_[np.arange(20), np.arange(120)]
    parameters = QUICK | {"backbone": two_layers((2,)), "recipe": "linear_probe"}
    parameters |= {"dtype": "float64", "method": UNGUARDED}
    weighted = DomainAdaptedClassifier(**parameters)
    weighted.fit(X, y, sample_domain=sample_domain, sample_weight=weight)
    repeated = DomainAdaptedClassifier(**parameters)
    repeated.fit(X[twice], y[twice], sample_domain=sample_domain[twice])
    np.testing.assert_allclose(
        weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-4
    )


def test_the_network_can_be_adapted_again():
    domains = toy("concept")
    first = fit(UNGUARDED, domains, **QUICK)
    again = fit(UNGUARDED, domains, **(QUICK | {"backbone": first.backbone_}))
    assert np.isfinite(again.predict_proba(domains[0])).all()
    first.set_params(warm_start=True).fit(
        domains[0], domains[1], sample_domain=domains[2]
    )


def test_off_is_source_only():
    assert_off_is_source_only(DomainStandardize(), toy("concept"))


def test_reads_no_target_label_and_changes_no_input():
    assert_reads_no_target_label_and_changes_no_input(
        DomainStandardize(), toy("concept")
    )


def test_recovers_from_moved_columns():
    plain, adapted = mean_accuracies(
        ["source_only", DomainStandardize()], lambda seed: toy("concept", seed)
    )
    assert plain < 0.7
    assert adapted > 0.9


def test_guard_leaves_the_map_out_under_label_shift():
    """Where it would do harm."""
    domains = toy("label")
    with pytest.warns(UserWarning, match="another class prior"):
        guarded = fit(DomainStandardize(), domains, random_state=0)
    plain = fit("source_only", domains, random_state=0)
    assert_same_network(guarded, plain)
    unguarded = fit(UNGUARDED, domains, random_state=0)
    assert target_accuracy(unguarded, domains) < target_accuracy(plain, domains) - 0.2


@pytest.mark.parametrize("n_validation", [20, 200])
def test_validation_set_of_the_user(n_validation):
    """It has no domains, and may have more samples than X."""
    X, y, sample_domain = toy("concept", n_samples=60)
    sample_domain[:20] = 5
    X_val, y_val, _ = toy("concept", n_samples=n_validation)
    before = X_val.copy()
    model = DomainAdaptedClassifier(
        method=UNGUARDED, early_stopping=True, **QUICK | {"backbone": two_layers((2,))}
    )
    model.fit(X, y, sample_domain=sample_domain, X_val=X_val, y_val=y_val)
    assert np.isfinite(model.validation_scores_).all()
    np.testing.assert_array_equal(X_val, before)
