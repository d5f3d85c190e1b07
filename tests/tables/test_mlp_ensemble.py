"""The ensemble of small networks for tables, and the smaller network "mlp"."""

import pickle
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine

from sktransfer import (
    BackboneFeatures,
    DomainAdaptedClassifier,
    Recipe,
    TransferClassifier,
)
from sktransfer._caches import cache_info
from sktransfer._pipelines import compute_features
from sktransfer.adaptation import DomainStandardize
from sktransfer.tables.sources import MLPEnsembleSource

X, Y = load_wine(return_X_y=True)
QUICK = {"backbone": "mlp_ensemble", "epochs": 3, "random_state": 0}


def table(n=200, seed=0):
    """Make a frame with gaps and categories, and classes that both decide."""
    rng = np.random.default_rng(seed)
    city = rng.choice(["a", "b", "c"], n)
    age = rng.normal(40, 10, n)
    y = (city == "a") ^ (age > 40)
    age = np.where(rng.random(n) < 0.1, np.nan, age)
    return pd.DataFrame({"age": age, "city": city, "noise": rng.random(n)}), y


def fit(X, y, **parameters):
    return TransferClassifier(**(QUICK | parameters)).fit(X, y)


@pytest.fixture(scope="module")
def fitted():
    frame, y = table()
    return fit(frame, y, epochs=60, learning_rate=3e-3)


def test_learns_of_categories_and_gaps(fitted):
    frame, y = table(seed=1)
    is_known = frame["age"].notna()
    mlp = fit(*table(), backbone="mlp", epochs=60)
    for clf in (fitted, mlp):
        assert clf.score(frame[is_known], y[is_known]) > 0.9
        assert np.isfinite(clf.predict_proba(frame)).all()


def test_learns_of_a_range_of_values():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 2))
    y = np.sin(4 * rows[:, 0]) > 0
    clf = fit(rows[:700], y[:700], epochs=30, learning_rate=2e-3)
    assert clf.score(rows[700:], y[700:]) > 0.9


def persons(n, seed):
    """Make a frame of 120 persons who have their own probabilities of the classes."""
    own = np.random.default_rng(0).normal(size=120)
    rng = np.random.default_rng(seed)
    person = rng.integers(0, 120, n)
    y = 2 * own[person] + rng.logistic(size=n) > 0
    return pd.DataFrame({"id": [f"p{i}" for i in person], "x": rng.normal(size=n)}), y


@pytest.fixture(scope="module")
def persons_network():
    return TransferClassifier("mlp_ensemble", random_state=0).fit(*persons(2400, 1))


def test_learns_of_many_categories(persons_network):
    frame, y = persons(2000, 2)
    # Who knows all persons is right for 0.78 of the samples. The 32 most frequent
    # persons have a third of the samples, so that they alone give 0.6.
    assert persons_network.score(frame, y) > 0.74


def test_a_network_of_many_categories_starts_the_next_fit(persons_network):
    frame, y = persons(400, 3)
    backbone = persons_network.backbone_
    assert "embed_rare" in str(backbone.layers_table())
    for depth in (0, "embed_rare"):
        clf = fit(frame, y, backbone=backbone, frozen_depth=depth)
        assert clf.score(*persons(1000, 4)) > 0.7
    again = pickle.loads(pickle.dumps(persons_network))
    np.testing.assert_array_equal(
        again.predict_proba(frame), persons_network.predict_proba(frame)
    )


@pytest.mark.parametrize("backbone", ["mlp", "mlp_ensemble"])
@pytest.mark.parametrize("mark", [-9999, 1e9, 1e300])
def test_marks_of_missing_values_are_outliers(backbone, mark):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 2))
    y = rows.sum(axis=1) > 0
    rows[rng.random(1000) < 0.03, 0] = mark
    clf = TransferClassifier(backbone, random_state=0).fit(rows[:500], y[:500])
    assert clf.score(rows[500:], y[500:]) > 0.9


def test_huge_values_in_keras():
    rows, y = np.random.default_rng(0).normal(size=(100, 2)), np.arange(100) % 2
    rows[:, 0] += 4 * y
    clf = TransferClassifier("mlp_ensemble", random_state=0).fit(rows, y)
    huge = np.array([[1e15, 0], [1e20, 0], [1e36, 0], [-1e36, 0]])
    np.testing.assert_allclose(
        clf.to_keras().predict(huge, verbose=0), clf.predict_proba(huge), atol=1e-5
    )


@pytest.mark.parametrize("backbone", ["mlp", "mlp_ensemble"])
def test_a_network_without_weights_has_its_own_categories(backbone):
    frame, y = table()
    source = fit(frame, y, backbone=backbone)
    other = frame.assign(city=frame["city"].str.upper(), more=1.0)
    clf = fit(other, y, backbone=source.backbone_, weights=None)
    fresh = fit(other, y, backbone=backbone)
    encodings = (c.backbone_.standardization for c in (clf, fresh))
    first, second = ([a.tolist() for a in e.arrays] for e in encodings)
    assert first == second


def test_number_of_members():
    clf = fit(X, Y, n_estimators=3)
    assert {len(w) for w in clf.backbone_.weights if w.ndim == 2} >= {3}
    assert clf.score(X, Y) > 0.5
    fresh = fit(X, Y, backbone=clf.backbone_, weights=None, n_estimators=5)
    shapes = [w.shape for w in fresh.backbone_.weights]
    assert shapes == [w.shape for w in fit(X, Y, n_estimators=5).backbone_.weights]
    same = fit(X, Y, backbone=clf.backbone_, weights=None)
    shapes = [w.shape for w in same.backbone_.weights]
    assert shapes == [w.shape for w in clf.backbone_.weights]


def test_the_order_of_categories_stays_in_the_next_fit(fitted):
    frame, y = table(seed=2)
    # Alphabetical positions would be others.
    is_c = frame["city"] != "a"
    following = fit(frame[is_c], y[is_c], backbone=fitted.backbone_, frozen_depth="all")
    new, _ = table(seed=3)
    features = [
        BackboneFeatures(clf.backbone_).fit(new).transform(new)
        for clf in (fitted, following)
    ]
    np.testing.assert_array_equal(*features)


def test_the_next_fit_needs_the_same_columns(fitted):
    frame, y = table()
    with pytest.raises(ValueError, match="2 columns; the backbone was trained on 3"):
        fit(frame[["age", "city"]], y, backbone=fitted.backbone_)


def test_pickle_keeps_the_categories(fitted):
    frame, _ = table()
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        copy.predict_proba(frame), fitted.predict_proba(frame)
    )
    assert copy.backbone_ == fitted.backbone_


def test_new_categories_count_as_missing(fitted):
    frame, _ = table()
    with pytest.warns(UserWarning, match="not in fit"):
        new = fitted.predict_proba(frame.assign(city="d"))
    missing = fitted.predict_proba(frame.assign(city=None))
    np.testing.assert_array_equal(new, missing)


@pytest.mark.parametrize("backbone", ["mlp", "mlp_ensemble"])
@pytest.mark.parametrize("position", [0, 13])
def test_a_constant_column_changes_nothing(position, backbone):
    rows = np.insert(X, position, 7.3, axis=1)
    np.testing.assert_array_equal(
        fit(rows, Y, backbone=backbone).predict_proba(rows),
        fit(X, Y, backbone=backbone).predict_proba(X),
    )


def test_padded_inputs_stay_zero():
    backbone = fit(X, Y, epochs=5).backbone_
    frequencies, phases, kernel, bias, members = backbone.weights[4:9]
    for weights in (frequencies, phases, kernel, bias):
        assert weights[:13].any()
        assert not weights[13:].any()
    n_used = 13 * members.shape[1] // 16
    assert members[:, :n_used].all()
    assert not members[:, n_used:].any()


def test_frozen_depths():
    clf = fit(X, Y)
    names = [row["name"] for row in clf.backbone_.layers_table() if row["depth"]]
    assert names == ["embedding", "members", "dense_1", "dense_2", "member_features"]
    for depth in ("embedding", "hidden_1", "all"):
        following = fit(X, Y, backbone=clf.backbone_, frozen_depth=depth)
        kept = [
            a is b
            for a, b in zip(
                following.backbone_.weights, clf.backbone_.weights, strict=True
            )
        ]
        assert all(kept[:8])
        assert all(kept) == (depth == "all")


def test_wide_tables_have_no_embedding():
    rng = np.random.default_rng(0)
    rows, y = rng.normal(size=(60, 1100)), np.arange(60) % 2
    rows[:, 0] = np.where(rng.random(60) < 0.2, np.nan, rows[:, 0])
    backbone = fit(rows, y, epochs=1).backbone_
    assert "embedding" not in [row["name"] for row in backbone.layers_table()]


def test_partial_fit_and_several_labels():
    frame, y = table()
    clf = TransferClassifier(**QUICK)
    for start in (0, 100):
        rows = slice(start, start + 100)
        clf.partial_fit(frame[rows], y[rows], classes=[False, True])
    assert clf.predict_proba(frame).shape == (200, 2)
    labels = np.column_stack([y, ~y]).astype(int)
    assert fit(frame, labels).predict(frame).shape == (200, 2)


@pytest.mark.parametrize("backbone", ["mlp", "mlp_ensemble"])
def test_numbers_and_gaps_in_keras(tmp_path, backbone):
    rows = np.column_stack([np.ones(len(X)), X])
    rows[::5, 3] = np.nan
    clf = fit(rows, Y, backbone=backbone)
    rows[1::5, 4] = np.nan
    expected = clf.predict_proba(rows)
    clf.to_keras().save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(model.predict(rows, verbose=0), expected, atol=1e-5)


def test_codes_of_categories_in_keras(fitted):
    frame, _ = table()
    backbone = fitted.backbone_
    codes = backbone.standardization.columns.transform(frame)
    np.testing.assert_allclose(
        backbone.build().predict(codes, verbose=0),
        BackboneFeatures(backbone).fit(frame).transform(frame),
        atol=1e-5,
    )


@pytest.mark.parametrize("backbone", ["mlp", "mlp_ensemble"])
@pytest.mark.parametrize("method", ["adabn", "domain_standardize", "dan"])
def test_adaptation_of_a_frame(method, backbone):
    source, y = table()
    target, _ = table(seed=1)
    clf = DomainAdaptedClassifier(backbone, method=method, epochs=3, random_state=0)
    clf.fit(source, y, X_target=target)
    assert np.isfinite(clf.predict_proba(target)).all()


def test_a_validation_set_with_gaps():
    frame, y = table()
    other, other_y = table(seed=1)
    clf = TransferClassifier(early_stopping=True, **QUICK)
    clf.fit(frame, y, X_val=other, y_val=other_y)
    assert len(clf.validation_scores_) == 3


def test_tables_of_about_one_width_share_a_program():
    def n_programs():
        return {row.name: row.entries for row in cache_info()}["programs"]

    frame, y = table()
    fit(frame, y, epochs=1)
    before = n_programs()
    fit(frame.assign(more=frame["noise"] ** 2, kind=frame["city"]), y, epochs=1)
    assert n_programs() == before


@pytest.mark.parametrize("n_samples", [1, 20, 200, 5000, 100_000])
def test_training_defaults(n_samples):
    defaults = MLPEnsembleSource("mlp_ensemble").training_defaults(n_samples)
    names = {*TransferClassifier().get_params(), *Recipe().get_params()}
    assert set(defaults) <= names
    assert 16 <= defaults["batch_size"] <= 256


def test_features_of_a_fitted_network_are_its_own(fitted):
    frame, _ = table(n=20)
    assert compute_features(fitted, frame).shape == (20, 128)


@pytest.mark.parametrize("backbone", ["mlp", "mlp_ensemble"])
def test_random_weights_are_those_of_a_new_network(backbone):
    source = fit(X, Y, backbone=backbone).backbone_
    again = fit(X, Y, backbone=source, weights=None, frozen_depth=None)
    fresh = fit(X, Y, backbone=backbone)
    np.testing.assert_array_equal(again.predict_proba(X), fresh.predict_proba(X))


def test_other_columns_than_the_backbone_was_trained_on(fitted):
    frame, y = table()
    message = "column 'city' where the backbone was trained on 'age'"
    with pytest.raises(ValueError, match=message):
        fit(frame[["city", "age", "noise"]], y, backbone=fitted.backbone_)


def test_backbones_of_other_categories_are_not_equal():
    frame, y = table()
    renamed = frame.replace({"city": {"a": "b", "b": "a"}})
    one, other = (fit(rows, y, epochs=1).backbone_ for rows in (frame, frame))
    assert one == other
    assert one != fit(renamed.replace({"city": {"c": "d"}}), y, epochs=1).backbone_


def test_standardized_domains_keep_categories():
    source, y = table()
    target, _ = table(seed=1)
    target = target.assign(city="a", age=target["age"] * 3)
    clf = DomainAdaptedClassifier(
        method=DomainStandardize(guard=False), epochs=3, random_state=0
    ).fit(source, y, X_target=(target,))
    encoding = clf.backbone_.standardization
    # The map is (x - mean) / sqrt(variance).
    mean, variance = clf.backbone_.weights[:2]
    assert (variance[: len(encoding.numbers.columns)] != 1).any()
    assert (variance[encoding.n_numbers :] == 1).all()
    assert not mean[encoding.n_numbers :].any()


def test_a_file_is_read_in_a_new_process(tmp_path):
    rows = X.copy()
    rows[::5, 3] = np.nan
    path = tmp_path / "model.keras"
    fit(rows, Y).to_keras().save(path)
    code = (
        f"import sktransfer; print(sktransfer.Backbone.from_file({str(path)!r}).name)"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "mlp_ensemble" in run.stdout
