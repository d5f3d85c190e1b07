"""Stacking: few labels of the target decide whether the source is trusted."""

import numpy as np
import pandas as pd
import pytest
from domain_methods import toy
from domains import bits
from sklearn.linear_model import LogisticRegression

from sktransfer import DomainAdaptedClassifier
from sktransfer.adaptation import DAN, Auto, Stacking


def misleading(n=300):
    """A target in which the classes of the source are exchanged."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2 * n, 4))
    y = (X[:, 0] + 0.5 * rng.normal(size=2 * n) > 0).astype(int)
    sample_domain = np.repeat([0, -1], n)
    return X, np.where(sample_domain < 0, 1 - y, y), sample_domain


def with_labels(domains, n):
    """Labels of the first n samples of the target; and the other target samples."""
    X, y, sample_domain = domains
    target = np.flatnonzero(sample_domain < 0)
    known = y.astype(float)
    known[target[n:]] = np.nan
    return (X, known, sample_domain), (X[target[n:]], y[target[n:]])


def fit(domains, method="auto", **parameters):
    X, y, sample_domain = domains
    parameters = {"target_labels": "use", "random_state": 0} | parameters
    model = DomainAdaptedClassifier(method=method, **parameters)
    return model.fit(X, y, sample_domain=sample_domain)


@pytest.mark.parametrize("backbone", ["mlp", "tabular"])
@pytest.mark.filterwarnings("ignore:backbone='tabular' learns from labeled")
def test_labels_outvote_a_misleading_source(backbone):
    domains, (X, y) = with_labels(misleading(), 40)
    labels = ~np.isnan(domains[1]) & (domains[2] < 0)
    alone = LogisticRegression().fit(domains[0][labels], domains[1][labels])
    model = fit(domains, backbone=backbone)
    assert 0.75 < alone.score(X, y) - 0.03 < model.score(X, y)
    assert model.decision_ is not None
    if backbone == "mlp":
        assert fit(domains, "source_only").score(X, y) < 0.5


def test_the_source_is_trusted_where_it_helps():
    """Few labels are worth less than many samples of the same distribution."""
    X, y, _ = misleading()
    y = (X[:, 0] > 0).astype(int)
    domains, (X_new, y_new) = with_labels((X, y, np.repeat([0, -1], 300)), 10)
    assert fit(domains).score(X_new, y_new) > 0.9


def test_the_default_is_this_method_if_there_are_labels():
    domains, (X, _) = with_labels(toy("subspace", n_samples=80), 10)
    auto = Auto(members=[], candidates=[])
    model = fit(domains, auto, epochs=5)
    assert repr(model.method_) == f"Stacking(method={auto!r})"
    other = fit(domains, Stacking(method=auto), epochs=5)
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    table = model.decision_
    assert table.columns == ["evidence", "value", "condition", "holds"]
    losses, weights = (
        [row["value"] for row in table if row["evidence"].startswith(start)]
        for start in ("log loss of", "weight of")
    )
    assert sum(weights) == pytest.approx(1)
    assert np.argmax(weights) == np.argmin(losses)
    # What the method without labels has decided is there too.
    assert "unexplained by a class prior" in table["evidence"]


def test_units_of_weights_do_not_matter():
    domains, (X, _) = with_labels(toy("moons", n_samples=60), 12)
    tables = []
    for unit in (1e-3, 1.0, 1e3):
        model = DomainAdaptedClassifier(
            method=Stacking(method=DAN()), target_labels="use", epochs=2, random_state=0
        )
        X, y, sample_domain = domains
        weight = np.full(len(X), unit)
        model.fit(X, y, sample_domain=sample_domain, sample_weight=weight)
        tables.append(model.decision_["value"])
    np.testing.assert_allclose(tables[0], tables[1], atol=1e-3)
    np.testing.assert_allclose(tables[2], tables[1], atol=1e-3)


def test_a_frozen_network_has_a_solved_head():
    """It does not depend on the number of epochs."""
    source = fit(misleading(), "source_only", target_labels="ignore", epochs=10)
    domains, (X, y) = with_labels(misleading(), 30)
    scores = [
        fit(
            domains,
            Stacking(method=Auto(members=[], candidates=[])),
            backbone=source.backbone_,
            frozen_depth="all",
            **parameters,
        ).score(X, y)
        for parameters in ({}, {"recipe": "linear_probe"})
    ]
    assert min(scores) > 0.75


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_few_labels(n):
    domains, (X, _) = with_labels(toy("moons", n_samples=60), n)
    model = fit(domains, Stacking(method=DAN()), epochs=3)
    assert np.isfinite(model.predict_proba(X)).all()
    assert model.classes_.tolist() == [0, 1]
    if n == 1:
        alone = fit(domains, DAN(), target_labels="ignore", epochs=3)
        # But for the scale of the columns, to which the label's sample counts.
        np.testing.assert_allclose(
            model.predict_proba(X), alone.predict_proba(X), atol=0.1
        )


def test_only_labeled_samples_of_the_target():
    X, y, sample_domain = misleading()
    chosen = np.r_[:300, 300:340]
    model = fit((X[chosen], y[chosen].astype(float), sample_domain[chosen]))
    assert model.score(X[340:], y[340:]) > 0.75


def test_images_and_frames_with_gaps():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 3)), rng.integers(0, 2, 90)
    frame = pd.DataFrame(X, columns=list("abc"))
    frame["kind"] = np.where(y, "u", "v")
    frame.loc[::7, "a"] = np.nan
    domain = np.repeat([0, -1], [50, 40])
    known = y.astype(float)
    known[70:] = np.nan
    auto = Auto(members=[], candidates=[])
    model = fit((frame, known, domain), auto, epochs=30)
    assert model.score(frame[70:], y[70:]) > 0.9
    images = X.repeat(64, axis=1).reshape(90, 8, 8, 3) + y[:, None, None, None]

    def network():
        import keras

        return keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                keras.layers.Conv2D(4, 3, activation="relu"),
                keras.layers.Flatten(),
            ]
        )

    model = fit((images, known, domain), auto, backbone=network, epochs=2)
    assert model.predict_proba(images[70:]).shape == (20, 2)


def test_repeats_to_the_bit_and_changes_no_input():
    domains, _ = with_labels(toy("moons", n_samples=60), 10)
    copies = [array.copy() for array in domains]
    method = Stacking(method=DAN())
    assert bits(fit(domains, method, epochs=2)) == bits(fit(domains, method, epochs=2))
    for array, copy in zip(domains, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("n", [1, 10])
def test_labels_of_one_class(n):
    """They do not turn the predictions to that class."""
    X, y, sample_domain = toy("moons", n_samples=100, shift=0.0, angle=0)
    known = np.where(sample_domain < 0, np.nan, y)
    known[np.flatnonzero((sample_domain < 0) & (y == 1))[:n]] = 1
    model = fit((X, known, sample_domain), Stacking(method=DAN()), epochs=30)
    assert 0.35 < model.predict(X[sample_domain < 0]).mean() < 0.65


def test_labels_without_weight():
    """A class weight of 0 leaves no label of the target."""
    X, y, sample_domain = toy("moons", n_samples=60)
    known = np.where(sample_domain < 0, np.nan, y)
    known[np.flatnonzero((sample_domain < 0) & (y == 1))[:5]] = 1
    auto = Auto(members=[], candidates=[])
    parameters = {"class_weight": {0: 1, 1: 0}, "epochs": 2}
    model = fit((X, known, sample_domain), auto, **parameters)
    assert not isinstance(model.method_, Stacking)
    with pytest.raises(ValueError, match="of a weight above 0"):
        fit((X, known, sample_domain), "stacking", **parameters)


def test_labels_stay_out_of_the_validation_set():
    domains, _ = with_labels(toy("moons", n_samples=60), 3)
    for seed in range(3):
        model = fit(
            domains,
            Stacking(method=DAN()),
            epochs=2,
            early_stopping=True,
            validation_fraction=0.5,
            random_state=seed,
        )
        assert isinstance(model.method_, Stacking)


def test_labels_are_needed():
    domains, _ = with_labels(toy("moons", n_samples=60), 10)
    with pytest.raises(ValueError, match="expected a method without them"):
        fit(domains, Stacking(method=Stacking()))
    with pytest.raises(
        ValueError, match="needs some labels of the target, of a weight"
    ):
        fit(domains, "stacking", target_labels="ignore")


def test_off_is_source_only():
    domains, _ = with_labels(toy("moons", n_samples=60), 10)
    off = fit(domains, Stacking(trade_off=0), epochs=2)
    assert bits(off) == bits(fit(domains, "source_only", epochs=2))
