"""MME: its loss against NumPy, features of one length, and moons turned."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from domain_batches import C, D, batch_of, softmax
from domain_methods import QUICK, assert_same_network, fit, fit_read_only, toy

from sktransfer import DomainAdaptedClassifier
from sktransfer.adaptation import MME
from sktransfer.backbones.unit_features import scale_to_unit

N_LABELED = 5


def partly_labeled(seed=0, n=60, marker=np.nan, dtype=float):
    """Moons with a few labels of each class of the target; the rows without one."""
    X, y, sample_domain = toy("moons", seed, n_samples=n)
    target = np.flatnonzero(sample_domain < 0)
    rng = np.random.default_rng(seed)
    labeled = [
        rng.choice(target[y[target] == c], N_LABELED, replace=False) for c in (0, 1)
    ]
    hidden = np.setdiff1d(target, np.concatenate(labeled))
    labels = y.astype(dtype)
    labels[hidden] = marker
    return X, labels, sample_domain, hidden, y


def fit_mme(data, method="mme", **parameters):
    X, y, sample_domain, *_ = data
    parameters = QUICK | {"target_labels": "use"} | parameters
    model = DomainAdaptedClassifier(method=method, **parameters)
    return model.fit(X, y, sample_domain=sample_domain)


def test_loss_against_numpy():
    rng = np.random.default_rng(0)
    kernel, bias = tf.constant(rng.normal(size=(D, C))), tf.constant(rng.normal(size=C))
    batch = replace(batch_of(), head=lambda x: tf.matmul(x, kernel) + bias)
    features = batch.target_features
    proba = softmax(features.numpy() @ kernel.numpy() + bias.numpy())
    expected = 0.7 * np.mean([sum(p * np.log(p) for p in row) for row in proba])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([features, kernel])
        loss = MME().loss(batch, tf.constant(0.7, tf.float64), [])
    assert float(loss) == pytest.approx(expected, rel=1e-10)

    def entropy(features, kernel):
        proba = softmax(features @ kernel + bias.numpy())
        return -np.mean((proba * np.log(proba)).sum(axis=1))

    # A step down: the head's raises the entropy, that of the features lowers it.
    features, kernel = (
        (x.numpy(), x.numpy() - 0.01 * tape.gradient(loss, x).numpy())
        for x in (features, kernel)
    )
    assert entropy(features[0], kernel[1]) > entropy(features[0], kernel[0])
    assert entropy(features[1], kernel[0]) < entropy(features[0], kernel[0])


def test_features_are_of_one_length():
    temperature = 0.5
    X, *_ = data = partly_labeled()
    model = fit_mme(data, MME(temperature=temperature))
    features = model.backbone_.build().predict(X, verbose=0)
    lengths = np.linalg.norm(features, axis=1)
    np.testing.assert_allclose(lengths, 1 / temperature, rtol=1e-5)
    kernel, bias = model.backbone_.head
    np.testing.assert_allclose(
        model.predict_proba(X), softmax(features @ kernel + bias), atol=1e-5
    )
    assert model.backbone_.n_layers == 2


def test_features_are_scaled_once():
    """With warm_start, and from the network of another fit."""
    data = partly_labeled()
    model = fit_mme(data, warm_start=True)
    before = model.backbone_
    model.fit(*data[:2], sample_domain=data[2])
    kept = fit_mme(data, backbone=before, head="keep")
    for after in (model.backbone_, kept.backbone_):
        assert after.program_key == before.program_key
        assert after != before
    other = scale_to_unit(before, 3.0)
    assert [row["kind"] for row in other.layers_table()].count("Rescaling") == 2
    assert scale_to_unit(other, 3.0) is other
    np.testing.assert_allclose(
        other.build().predict(data[0], verbose=0),
        before.build().predict(data[0], verbose=0) * 3 / 20,
        rtol=1e-4,
        atol=1e-5,
    )


def test_weights_of_the_domains_are_equal():
    _, _, sample_domain, hidden, _ = data = partly_labeled()
    weights = fit_mme(data).source_weights_
    assert (weights[sample_domain >= 0] == 1).all()
    assert (weights[hidden] == 0).all()
    assert weights[sample_domain < 0].sum() == pytest.approx(60)


def test_labels_of_the_target_are_needed():
    with pytest.raises(ValueError, match="target_labels='use'"):
        fit_mme(partly_labeled(), target_labels="ignore")


def test_a_head_of_other_features_is_refused():
    data = partly_labeled()
    backbone = fit("source_only", toy("moons"), **QUICK).backbone_
    with pytest.raises(ValueError, match="head='new'"):
        fit_mme(data, backbone=backbone, head="keep")


@pytest.mark.parametrize("recipe", ["lp_ft", "gradual"])
def test_of_a_pretrained_backbone(recipe):
    backbone = fit("source_only", toy("moons"), **QUICK).backbone_
    model = fit_mme(partly_labeled(), backbone=backbone, frozen_depth=1, recipe=recipe)
    same = [
        np.array_equal(old, new)
        for old, new in zip(backbone.weights, model.backbone_.weights, strict=True)
    ]
    assert same == [True, True, True, True, False, False]


def test_no_trade_off_is_source_only():
    data = partly_labeled()
    assert_same_network(fit_mme(data, MME(0.0)), fit_mme(data, "source_only"))


def test_moons_turned():
    """Labels of ten target rows are not enough without the rest of the rows."""
    scores = {}
    for name, method, use in (
        ("source", "source_only", "ignore"),
        ("labeled", "source_only", "use"),
        ("mme", "mme", "use"),
    ):
        for seed in range(3):
            X, *_, hidden, y = data = partly_labeled(seed, 300)
            model = fit_mme(
                data, method, target_labels=use, epochs=50, random_state=seed
            )
            score = model.score(X[hidden], y[hidden])
            scores.setdefault(name, []).append(score)
    source, labeled, mme = (np.mean(values) for values in scores.values())
    assert source < 0.7
    assert mme > 0.9
    assert mme > labeled + 0.03


def test_input_is_left_and_markers_are_alike():
    models = []
    for marker, dtype in ((np.nan, float), (None, object), (-1, int)):
        data = partly_labeled(marker=marker, dtype=dtype)
        models.append(fit_read_only("mme", data[:3], target_labels="use"))
    assert_same_network(models[0], models[1])
    assert_same_network(models[0], models[2])
