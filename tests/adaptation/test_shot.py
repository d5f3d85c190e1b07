"""SHOT: loss and pseudo-labels against NumPy, its stages, and clusters moved."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from domain_batches import C, N, batch_of, softmax
from domain_methods import (
    QUICK,
    assert_off_is_source_only,
    assert_reads_no_target_label_and_changes_no_input,
    fit,
    mean_accuracies,
    toy,
)
from domains import bits
from networks import with_batch_normalization

from sktransfer.adaptation import SHOT, AdaBN
from sktransfer.adaptation.methods import shot
from sktransfer.adaptation.methods.shot import pseudo_labels


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_loss_against_numpy(beta):
    batch = batch_of()
    y = np.random.default_rng(0).integers(0, C, N)
    proba = softmax(batch.target_logits.numpy())
    entropies = [-sum(p * np.log(p) for p in row) for row in proba]
    entropy_of_mean = -sum(p * np.log(p) for p in proba.mean(axis=0))
    labeled = [-np.log(row[label]) for row, label in zip(proba, y, strict=True)]
    expected = 0.7 * (np.mean(entropies) - entropy_of_mean + beta * np.mean(labeled))
    batch = replace(batch, target_pseudo_y=tf.constant(y, tf.int32))
    found = SHOT(beta=beta).loss(batch, tf.constant(0.7, tf.float64), [])
    assert float(found) == pytest.approx(expected, rel=1e-10)


def test_a_class_without_probability():
    logits = tf.constant(np.tile([0.0, 1.0, -1e4], (N, 1)))
    y = tf.zeros(N, tf.int32)
    batch = replace(batch_of(), target_logits=logits, target_pseudo_y=y)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = SHOT().loss(batch, tf.constant(1.0, tf.float64), [])
    assert np.isfinite(loss)
    assert np.isfinite(tape.gradient(loss, logits)).all()


def labels_by_loops(features, proba):
    """As in the paper: centroids of soft predictions, then of the labels by them."""
    n, n_classes = proba.shape
    labels, weights = [int(p.argmax()) for p in proba], proba
    for _ in range(2):
        centroids = {
            k: sum(weights[i][k] * features[i] for i in range(n))
            / sum(weights[i][k] for i in range(n))
            for k in sorted(set(labels))
        }

        def distance(row, centroid):
            lengths = np.sqrt((row**2).sum() * (centroid**2).sum())
            return 1 - (row * centroid).sum() / lengths

        labels = [
            min(centroids, key=lambda k, row=row: distance(row, centroids[k]))
            for row in features
        ]
        weights = [[float(k == label) for k in range(n_classes)] for label in labels]
    return labels


@pytest.mark.parametrize("seed", range(5))
def test_pseudo_labels_against_loops(seed):
    rng = np.random.default_rng(seed)
    features = np.maximum(rng.normal(size=(80, 6)), 0) + 0.01
    logits = features @ rng.normal(size=(6, 5)) + rng.normal(size=(80, 5))
    found = pseudo_labels(features, logits)
    np.testing.assert_array_equal(found, labels_by_loops(features, softmax(logits)))
    assert (found != logits.argmax(axis=1)).any()


def test_a_class_that_is_not_predicted_is_left_out():
    rng = np.random.default_rng(0)
    features = rng.uniform(size=(50, 4))
    logits = np.column_stack([rng.normal(size=(50, 2)), np.full(50, -5.0)])
    assert set(pseudo_labels(features, logits)) <= {0, 1}


def test_features_of_zero():
    labels = pseudo_labels(np.zeros((4, 3)), np.eye(4)[:, :3])
    assert labels.shape == (4,)


def test_the_head_is_that_of_the_source_stage():
    """Bit for bit: the second stage trains features alone, on the target alone."""
    domains = toy("moons", n_samples=60)
    source = fit("source_only", domains, **QUICK, label_smoothing=0.1)
    model = fit(SHOT(epochs=3), domains, **QUICK)
    for before, after in zip(source.backbone_.head, model.backbone_.head, strict=True):
        np.testing.assert_array_equal(before, after)
    assert bits(model) != bits(source)
    assert model.history_["stage"] == 4 * ["fine_tune"] + 3 * ["target"]


def test_passes_over_the_target_are_its_own():
    model = fit("shot", toy("moons", n_samples=60), **QUICK)
    assert model.history_["stage"] == 4 * ["fine_tune"] + 15 * ["target"]


def columns(n=60):
    """Rows of 64 columns, those of the target stretched and moved."""
    X = np.random.default_rng(0).normal(size=(2 * n, 64))
    y = np.arange(2 * n) % 2
    X[:, :8] += y[:, None]
    X[n:] = 2 * X[n:] + 1
    return X, y, np.repeat([0, -1], n)


def statistics(model):
    """Means and variances of the two layers of batch normalization."""
    return [model.backbone_.weights[i] for i in (4, 5, 10, 11)]


@pytest.mark.parametrize("trade_off", [0.3, 2.0])
def test_batch_normalization_has_the_statistics_of_the_target(trade_off):
    """Of the first stage's features, as by AdaBN; the second one keeps them."""
    domains = columns()
    parameters = QUICK | {"backbone": with_batch_normalization()}
    model = fit(SHOT(trade_off, epochs=2), domains, **parameters)
    expected = fit(
        AdaBN(min(trade_off, 1.0)), domains, **parameters, label_smoothing=0.1
    )
    for found, value in zip(statistics(model), statistics(expected), strict=True):
        np.testing.assert_array_equal(found, value)


def test_frozen_batch_normalization_keeps_its_statistics():
    """Frozen up to the last Dense layer, which is all that is trained."""
    backbone = fit(
        "source_only", columns(), **QUICK, backbone=with_batch_normalization()
    ).backbone_
    model = fit(SHOT(epochs=2), columns(), **QUICK, backbone=backbone, frozen_depth=4)
    same = map(np.array_equal, backbone.weights, model.backbone_.weights)
    assert list(same) == 12 * [True] + 2 * [False]


def test_pseudo_labels_are_computed_before_each_epoch(monkeypatch):
    seen = []

    def record(features, logits):
        seen.append((features, logits))
        return pseudo_labels(features, logits)

    monkeypatch.setattr(shot, "pseudo_labels", record)
    fit(SHOT(epochs=4), toy("moons", n_samples=60), **QUICK)
    assert [len(f) for f, _ in seen] == 4 * [60]
    assert not any(np.array_equal(a[0], b[0]) for a, b in itertools.pairwise(seen))


def test_a_frozen_backbone_is_refused():
    domains = toy("moons", n_samples=60)
    backbone = fit("source_only", domains, **QUICK).backbone_
    with pytest.raises(ValueError, match="whole backbone is frozen"):
        fit("shot", domains, **QUICK, backbone=backbone, frozen_depth="all")


def test_off_is_source_only():
    assert_off_is_source_only(SHOT(), toy("moons", n_samples=60))


def clusters(seed):
    """Four clusters in eight dimensions, moved by more than lies between them."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(4, 8))
    centers *= 3 / np.linalg.norm(centers, axis=1, keepdims=True)
    y = np.arange(400) % 4
    sample_domain = np.repeat([0, -1], 200)
    move = rng.normal(size=8)
    move *= 5 / np.linalg.norm(move)
    X = centers[y] + rng.normal(scale=0.5, size=(400, 8))
    return X + move * (sample_domain < 0)[:, None], y, sample_domain


# The source's network is of no use for the target, and says so.
@pytest.mark.filterwarnings("ignore:Adapting by SourceOnly")
def test_clusters_moved():
    plain, adapted = mean_accuracies(["source_only", SHOT()], clusters, epochs=20)
    assert plain < 0.7
    assert adapted > 0.9


def test_reads_no_target_label_and_changes_no_input():
    assert_reads_no_target_label_and_changes_no_input(
        SHOT(), toy("moons", n_samples=60)
    )
