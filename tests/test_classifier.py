import copy
import io
import pickle

import keras
import numpy as np
import pytest
from networks import (
    convolutional,
    source_network,
    with_augmentation,
    with_batch_normalization,
    with_random_layers,
)
from sklearn.base import clone

from sktransfer import Backbone, BackboneFeatures, Recipe, TransferClassifier


def same_bits(arrays, others):
    return all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(arrays, others, strict=True)
    )


def changed_weights(estimator, backbone):
    """Positions of the backbone's weights that a fit changed."""
    return [
        i
        for i, (new, old) in enumerate(
            zip(estimator.backbone_.weights, backbone.weights, strict=True)
        )
        if not np.array_equal(new, old)
    ]


def live_objects(value):
    """Types of the Keras and TensorFlow objects that a value holds."""
    found = set()

    class Spy(pickle.Pickler):
        def persistent_id(self, obj):
            if type(obj).__module__.startswith(("keras", "tensorflow")):
                found.add(type(obj))
                return "seen"
            return None

    Spy(io.BytesIO()).dump(value)
    return found


# ---- labels and weights


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["cat", "dog"]),
        np.array(["cat", "dog"], dtype=object),
        np.array([False, True]),
        np.array([-1, 1]),
        np.array([2.0, 7.0]),
    ],
    ids=["str", "object", "bool", "signs", "float"],
)
def test_labels(make, target, labels):
    X, y = target
    binary = (y >= 2).astype(int)
    estimator = make().fit(X, labels[binary])
    assert estimator.classes_.tolist() == labels.tolist()
    predicted = estimator.predict(X)
    assert predicted.dtype == labels.dtype
    assert estimator.score(X, labels[binary]) > 0.8
    scores = estimator.decision_function(X)
    assert scores.shape == (len(X),)
    assert np.array_equal(scores > 0, predicted == labels[1])


def test_probabilities(make, target):
    X, y = target
    estimator = make().fit(X, y)
    proba = estimator.predict_proba(X)
    assert proba.dtype == np.float64
    assert proba.shape == (100, 5)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert np.array_equal(
        estimator.classes_[proba.argmax(axis=1)], estimator.predict(X)
    )
    assert estimator.decision_function(X).shape == (100, 5)


@pytest.mark.parametrize("recipe", ["linear_probe", "full", "lp_ft", "gradual"])
def test_a_row_of_weight_zero_is_a_row_left_out(make, target, recipe):
    X, y = target
    weight = np.ones(len(X))
    weight[::3] = 0
    weighted = make(recipe=recipe).fit(X, y, sample_weight=weight)
    left_out = make(recipe=recipe).fit(X[weight > 0], y[weight > 0])
    assert same_bits(weighted.weights_, left_out.weights_)


def test_sample_weight_matters(make, target):
    X, y = target
    y = np.random.default_rng(0).permutation(y)
    weight = np.where(y == 0, 20.0, 0.1)
    plain, weighted = make().fit(X, y), make().fit(X, y, sample_weight=weight)
    assert (
        weighted.predict_proba(X)[:, 0].sum() > plain.predict_proba(X)[:, 0].sum() + 1
    )


def test_class_weight_is_a_sample_weight(make, target):
    X, y = target
    by_class = make(class_weight={0: 3.0, 1: 0.5}).fit(X, y)
    weight = np.select([y == 0, y == 1], [3.0, 0.5], 1.0)
    by_row = make().fit(X, y, sample_weight=weight)
    assert same_bits(by_class.weights_, by_row.weights_)


def test_class_weight_with_string_labels(make, target):
    X, y = target
    y = np.random.default_rng(0).permutation(y)
    names = np.array(["a", "b", "c", "d", "e"])[y]
    balanced = make(class_weight="balanced").fit(X, names)
    named = make(class_weight={"a": 50.0}).fit(X, names)
    assert (
        named.predict_proba(X)[:, 0].sum() > balanced.predict_proba(X)[:, 0].sum() + 1
    )


def test_fit_changes_none_of_its_arguments(make, target):
    X, y = target
    weight = np.linspace(0, 2, len(X))
    before = X.copy(), y.copy(), weight.copy()
    make(class_weight="balanced", early_stopping=True).fit(X, y, sample_weight=weight)
    assert same_bits((X, y, weight), before)


# ---- early stopping


def test_early_stopping_restores_the_best_weights(make, digits):
    X, y = digits[2], digits[3]
    estimator = make(
        early_stopping=True,
        epochs=40,
        n_iter_no_change=4,
        learning_rate=0.01,
        validation_fraction=0.2,
    ).fit(X, y)
    scores = estimator.validation_scores_
    assert estimator.n_iter_ == len(scores) == len(estimator.loss_curve_)
    assert estimator.n_iter_ < 41
    assert estimator.best_validation_score_ == max(scores)
    # Training went on for the allowed epochs after the best one.
    assert len(scores) - 1 - int(np.argmax(scores)) >= 4


@pytest.fixture
def tasks(monkeypatch):
    """Tasks after a validation set was split off."""
    from sktransfer.learners import by_steps

    seen, split = [], by_steps.split_validation

    def spy(task):
        seen.append(split(task))
        return seen[-1]

    monkeypatch.setattr(by_steps, "split_validation", spy)
    return seen


@pytest.mark.parametrize("recipe", ["lp_ft", "gradual"])
def test_early_stopping_restores_the_best_weights_of_all_stages(
    make, target, recipe, tasks
):
    X, y = target
    settings = {
        "recipe": recipe,
        "early_stopping": True,
        "scoring": None,
        "validation_fraction": 0.3,
        "epochs": 16,
        "batch_size": 8,
        "learning_rate": 1.0,
        "head_learning_rate": 0.02,
    }
    # Fine-tuning at this rate only does harm.
    estimator = make(**settings).fit(X, y)
    scores = estimator.validation_scores_
    assert max(scores) > scores[-1]
    assert estimator.best_validation_score_ == max(scores)
    aside = tasks[0].validation
    predicted = estimator.predict(aside.X[aside.index])
    assert np.mean(predicted == estimator.classes_[aside.y]) == max(scores)


def test_early_stopping_keeps_the_weights_of_the_best_epoch(make, target):
    X, y = target
    seen = []

    class Record(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((logs["val_score"], self.model.get_weights()))

    estimator = make(
        recipe="full",
        early_stopping=True,
        validation_fraction=0.3,
        epochs=12,
        learning_rate=0.01,
        callbacks=[Record],
    ).fit(X, y)
    best = int(np.argmax([score for score, _ in seen]))
    assert best < len(seen) - 1
    assert same_bits(estimator.weights_, seen[best][1])


def test_the_validation_set_has_samples_of_each_class(make, digits, tasks):
    X, y = digits[2], digits[3]
    order = np.argsort(y, kind="stable")
    make(early_stopping=True, validation_fraction=0.2).fit(X[order], y[order])
    kept, aside = tasks[0].samples, tasks[0].validation
    assert len(kept) + len(aside) == len(X)
    expected = np.bincount(y) * 0.2
    assert np.all(np.abs(np.bincount(aside.y) - expected) <= 1)
    # Shuffled: not the last rows of each class.
    last = [X[order][y[order] == label][-1] for label in range(5)]
    held_out = aside.X[aside.index]
    assert sum(any(np.array_equal(row, x) for x in held_out) for row in last) < 5


def test_early_stopping_scores_use_sample_weight(make, target):
    X, y = target
    weight = np.where(y == 0, 1e6, 1e-6)
    scores = (
        make(
            early_stopping=True,
            scoring=None,
            validation_fraction=0.3,
            epochs=8,
            recipe="full",
            learning_rate=0.01,
        )
        .fit(X, y, weight)
        .validation_scores_
    )
    # Only the rows of class 0 count, which all have the same weight.
    assert scores[-1] == pytest.approx(1, abs=1e-6)


def test_without_early_stopping_there_are_no_validation_scores(make, target):
    estimator = make().fit(*target)
    assert estimator.validation_scores_ is None
    assert estimator.best_validation_score_ is None


def test_training_stops_when_the_loss_does(make, target):
    estimator = make(epochs=200, tol=10.0, n_iter_no_change=3).fit(*target)
    assert estimator.n_iter_ <= 6


def test_history(make, target):
    estimator = make(recipe="lp_ft", epochs=4).fit(*target)
    history = estimator.history_
    assert history["stage"] == ["probe"] + ["fine_tune"] * 4
    assert history["loss"] == estimator.loss_curve_
    assert estimator.loss_ == history["loss"][-1]
    assert estimator.best_loss_ == min(history["loss"])
    assert estimator.n_iter_ == 5


# ---- going on


def test_warm_start_goes_on(make, target):
    X, y = target
    once = make(epochs=2, recipe="full").fit(X, y)
    first = once.loss_curve_[0]
    warm = make(epochs=2, recipe="full", warm_start=True).fit(X, y)
    assert same_bits(warm.weights_, once.weights_)
    warm.fit(X, y)
    assert warm.loss_curve_[0] < once.loss_curve_[-1]
    cold = make(epochs=2, recipe="full").fit(X, y).fit(X, y)
    assert cold.loss_curve_[0] == first
    assert same_bits(cold.weights_, once.weights_)


def test_partial_fit(make, target):
    X, y = target
    estimator = make(learning_rate=0.005)
    for start in (0, 25, 50, 75):
        rows = slice(start, start + 25)
        estimator.partial_fit(X[rows], y[rows], classes=np.arange(5))
    assert estimator.n_iter_ == 4
    for _ in range(10):
        estimator.partial_fit(X, y)
    assert estimator.n_iter_ == 14
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]
    assert estimator.score(X, y) > 0.9


def test_partial_fit_after_pickling_goes_on_alike(make, target):
    X, y = target
    estimator = make().partial_fit(X, y, classes=np.arange(5))
    other = pickle.loads(pickle.dumps(estimator))
    estimator.partial_fit(X, y)
    other.partial_fit(X, y)
    assert same_bits(estimator.weights_, other.weights_)


@pytest.mark.parametrize(
    "recipe",
    ["full", Recipe("full", tune="lora"), Recipe("full", tune="first")],
    ids=str,
)
def test_partial_fit_after_fit_is_one_more_epoch(make, target, recipe):
    # All samples are in one batch, so that their order has no effect.
    parameters = {"recipe": recipe, "batch_size": 100, "learning_rate": 0.01}
    long = make(**parameters, epochs=5).fit(*target)
    short = make(**parameters, epochs=3).fit(*target)
    short = pickle.loads(pickle.dumps(short.partial_fit(*target))).partial_fit(*target)
    assert short.n_iter_ == 5
    np.testing.assert_allclose(short.loss_curve_, long.loss_curve_, rtol=1e-4)
    for ours, expected in zip(short.weights_, long.weights_, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_partial_fit_after_fit_keeps_the_history(make, target):
    estimator = make(early_stopping=True).fit(*target)
    history = estimator.history_
    estimator.partial_fit(*target)
    assert estimator.history_["stage"] == [*history["stage"], "fine_tune"]
    assert estimator.loss_curve_[:-1] == history["loss"]
    assert estimator.validation_scores_ == [*history["val_score"], None]
    assert estimator.n_iter_ == len(history["loss"]) + 1
    between = estimator.interpolate(0.5).partial_fit(*target)
    assert between.loss_curve_[:-1] == estimator.loss_curve_
    assert make().fit(*target).fit(*target).n_iter_ == 4


@pytest.mark.parametrize(
    "change",
    [
        {"frozen_depth": 1},
        {"optimizer": "sgd"},
        {"optimizer": keras.optimizers.AdamW(beta_1=0.5)},
        {"recipe": Recipe("full", tune="first")},
    ],
    ids=["depth", "sgd", "moments", "tune"],
)
def test_another_optimizer_in_partial_fit_starts_anew(make, target, change):
    fitted = make(recipe="full", batch_size=100).fit(*target)
    fresh = copy.deepcopy(fitted).set_params(warm_start=True, epochs=1, **change)
    fresh.fit(*target)
    fitted.set_params(**change).partial_fit(*target)
    assert same_bits(fitted.weights_, fresh.weights_)


@pytest.mark.parametrize("tune", ["all", "lora"])
def test_partial_fit_after_early_stopping_starts_at_the_best_weights(
    make, target, tune
):
    # The second of four epochs is the best.
    scores = iter([0.0, 1.0, 0.0, 0.0])
    estimator = make(
        recipe=Recipe("full", tune=tune),
        early_stopping=True,
        epochs=4,
        scoring=lambda *_: next(scores),
    ).fit(*target)
    best = estimator.weights_
    estimator.set_params(learning_rate=1e-9, weight_decay=0.0).partial_fit(*target)
    for ours, expected in zip(estimator.weights_, best, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("change", [{"frozen_depth": 1}, {"optimizer": "sgd"}])
def test_partial_fit_goes_on_after_a_change_of_what_is_trained(make, target, change):
    estimator = make().partial_fit(*target, classes=np.arange(5))
    estimator.set_params(**change).partial_fit(*target)
    assert estimator.n_iter_ == 2


def test_class_weights_of_partial_fit_are_those_of_all_classes(make, target):
    X, y = target
    by_class = make(class_weight={0: 3.0, 4: 0.5})
    by_sample = make()
    for part in (y < 3, y > 1):
        weight = np.select([y == 0, y == 4], [3.0, 0.5], 1.0)[part]
        by_class.partial_fit(X[part], y[part], classes=np.arange(5))
        by_sample.partial_fit(X[part], y[part], np.arange(5), weight)
    assert same_bits(by_class.weights_, by_sample.weights_)


def test_partial_fit_with_one_class_in_a_call(make, target):
    X, y = target
    estimator = make().partial_fit(X[y == 0], y[y == 0], classes=np.arange(5))
    assert estimator.predict_proba(X).shape == (100, 5)


# ---- recipes and frozen layers


def test_linear_probe_changes_no_backbone_weight(make, source, target):
    estimator = make(recipe="linear_probe").fit(*target)
    assert same_bits(estimator.backbone_.weights, source.weights)
    assert estimator.frozen_depth_ == source.n_layers
    assert estimator.history_["stage"] == ["probe"]
    assert estimator.score(*target) > 0.9


def test_lp_ft_starts_from_the_probe(make, target):
    probe = make(recipe="linear_probe").fit(*target)
    tuned = make(recipe="lp_ft", epochs=1, learning_rate=1e-9).fit(*target)
    np.testing.assert_allclose(
        tuned.predict_proba(target[0]), probe.predict_proba(target[0]), atol=1e-5
    )
    assert tuned.loss_curve_[1] == pytest.approx(tuned.loss_curve_[0], rel=1e-4)


def test_gradual_unfreezes_from_the_top(make, source, target):
    estimator = make(recipe="gradual", epochs=4).fit(*target)
    assert estimator.history_["stage"][0] == "head"
    assert estimator.history_["stage"][-1] == "fine_tune"
    assert estimator.n_iter_ == 4
    assert changed_weights(estimator, source) == list(range(6))


@pytest.mark.parametrize("recipe", ["full", "lp_ft", "gradual"])
@pytest.mark.parametrize(("depth", "first"), [(0, 0), (1, 2), (-1, 4), (0.34, 2)])
def test_frozen_weights_keep_every_bit(make, source, target, recipe, depth, first):
    estimator = make(recipe=recipe, frozen_depth=depth, epochs=4).fit(*target)
    assert changed_weights(estimator, source) == list(range(first, 6))
    assert estimator.frozen_depth_ == first // 2


def test_all_frozen_trains_the_head_alone(make, source, target):
    estimator = make(recipe="full", frozen_depth="all", epochs=5).fit(*target)
    assert changed_weights(estimator, source) == []
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]


def test_weights_differ_after_a_fit_of_the_same_rows(make, source, target):
    """Weights that stayed are shared with the source, not copied."""
    estimator = make(frozen_depth=1).fit(*target)
    assert estimator.backbone_.weights[0] is source.weights[0]
    assert estimator.backbone_ != source


def test_frozen_batch_normalization_stays_in_inference_mode(target):
    X, y = target
    backbone = Backbone.from_model(with_batch_normalization())
    frozen = TransferClassifier(
        backbone, frozen_depth=2, recipe="full", epochs=3, random_state=0
    ).fit(X, y)
    # Six arrays are those of the first two layers, the next six of the next two:
    # kernel, bias, gamma, beta, moving mean and variance.
    assert changed_weights(frozen, backbone)[:4] == [6, 7, 8, 9]
    assert not {10, 11} & set(changed_weights(frozen, backbone))


def test_batch_normalization_frozen_in_full_is_a_fixed_function(target):
    X, y = target
    backbone = Backbone.from_model(with_batch_normalization())
    estimator = TransferClassifier(
        backbone, frozen_depth="all", recipe="full", epochs=2, random_state=0
    ).fit(X, y)
    assert changed_weights(estimator, backbone) == []
    features = BackboneFeatures(backbone).fit_transform(X)
    kernel, bias = estimator.backbone_.head
    logits = features @ kernel + bias
    scores = estimator.decision_function(X)
    np.testing.assert_allclose(scores, logits, rtol=1e-4, atol=1e-5)


def test_random_layers_are_seeded(target):
    X, y = target
    backbone = Backbone.from_model(with_random_layers())
    common = {"recipe": "full", "epochs": 3, "random_state": 0}
    estimator = TransferClassifier(backbone, frozen_depth=1, **common).fit(X, y)
    assert min(changed_weights(estimator, backbone)) >= 2
    other = TransferClassifier(
        backbone, frozen_depth=1, **(common | {"random_state": 1})
    ).fit(X, y)
    again = clone(estimator).fit(X, y)
    assert same_bits(again.weights_, estimator.weights_)
    assert not same_bits(other.weights_, estimator.weights_)
    # Nothing is random in prediction.
    assert same_bits([estimator.predict_proba(X)], [estimator.predict_proba(X)])


@pytest.mark.parametrize("depth", [0, 1, "all"])
def test_random_layers_before_frozen_layers_draw_anew_in_each_step(target, depth):
    X, y = target
    backbone = Backbone.from_model(with_random_layers())
    estimator = TransferClassifier(
        backbone, frozen_depth=depth, recipe="linear_probe", random_state=0
    ).fit(X, y)
    estimator.set_params(
        warm_start=True,
        recipe="full",
        epochs=4,
        learning_rate=1e-12,
        batch_size=len(X),
    )
    losses = estimator.fit(X, y).loss_curve_
    # The weights hardly move, so only fresh noise can change the loss so much.
    assert len(set(np.round(losses, 4))) == 4


@pytest.mark.parametrize("network", [with_random_layers, with_augmentation])
@pytest.mark.parametrize("recipe", ["linear_probe", "full", "lp_ft", "gradual"])
@pytest.mark.parametrize("depth", [0, 1, "all"])
def test_recipes_on_networks_with_random_layers(target, network, recipe, depth):
    X, y = target
    backbone = Backbone.from_model(network())
    estimator = TransferClassifier(
        backbone, recipe=recipe, frozen_depth=depth, epochs=4, random_state=0
    ).fit(X, y)
    assert changed_weights(estimator, backbone)[:1] in ([], [2 * (depth != 0)])
    if recipe == "linear_probe":
        # The probe is solved on what prediction computes, without noise.
        assert estimator.loss_ == pytest.approx(
            -np.log(estimator.predict_proba(X)[np.arange(100), y]).mean(), rel=1e-3
        )


def test_layer_decay_slows_the_lower_layers(make, source, target):
    estimator = make(recipe="full", layer_decay=0.01, weight_decay=0.0).fit(*target)
    moved = [
        np.abs(new - old).max()
        for new, old in zip(
            estimator.backbone_.weights[::2], source.weights[::2], strict=True
        )
    ]
    assert moved[0] < moved[1] / 10 < moved[2] / 100


def test_head_learning_rate(make, source, target):
    estimator = make(
        recipe="full", learning_rate=1e-9, head_learning_rate=0.01, weight_decay=0.0
    ).fit(*target)
    moved = max(
        np.abs(new - old).max()
        for new, old in zip(estimator.backbone_.weights, source.weights, strict=True)
    )
    assert moved < 1e-6
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0] - 0.01


def test_l2_sp_keeps_weights_near_the_start(make, source, target):
    def distance(**parameters):
        estimator = make(recipe="full", learning_rate=0.01, **parameters).fit(*target)
        return sum(
            ((new - old) ** 2).sum()
            for new, old in zip(
                estimator.backbone_.weights, source.weights, strict=True
            )
        )

    assert distance(l2_sp=10.0) < distance() / 2


def test_label_smoothing_lowers_confidence(make, target):
    parameters = {"epochs": 30, "learning_rate": 0.01, "recipe": "full"}
    sharp = make(**parameters).fit(*target).predict_proba(target[0]).max(axis=1).mean()
    smooth = (
        make(**parameters, label_smoothing=0.3)
        .fit(*target)
        .predict_proba(target[0])
        .max(axis=1)
        .mean()
    )
    assert smooth < sharp - 0.1


# ---- the head


def test_head_keep_goes_on_from_the_old_classes(make, source, digits):
    X, y = digits[0][:100], digits[1][:100]
    kept = make(head="keep", epochs=1, learning_rate=1e-9, recipe="full").fit(X, y)
    model = source.build()
    features = model.predict(X, verbose=0)
    logits = features @ source.head[0] + source.head[1]
    assert np.array_equal(kept.predict(X), logits.argmax(axis=1))
    assert kept.loss_curve_[0] < 0.3
    np.testing.assert_allclose(kept.backbone_.head[0], source.head[0], atol=1e-6)


def test_head_keep_with_some_of_the_classes(make, target):
    X, y = target
    rows = y < 3
    estimator = make(head="keep").fit(X[rows], y[rows])
    assert estimator.classes_.tolist() == [0, 1, 2, 3, 4]
    assert estimator.predict_proba(X).shape == (len(X), 5)


def test_probe_of_a_kept_head_with_some_of_the_classes(make, target, source):
    X, y = target
    rows = y < 3
    estimator = make(
        head="keep", recipe="linear_probe", epochs=50, learning_rate=0.05
    ).fit(X[rows], y[rows])
    assert same_bits(estimator.backbone_.weights, source.weights)
    assert estimator.classes_.tolist() == [0, 1, 2, 3, 4]
    assert estimator.score(X[rows], y[rows]) > 0.9


def test_balanced_weights_of_a_kept_head_with_some_of_the_classes(make, target):
    X, y = target
    rows = y < 3
    estimator = make(head="keep", class_weight="balanced").fit(X[rows], y[rows])
    assert estimator.classes_.tolist() == [0, 1, 2, 3, 4]


def test_head_keep_of_a_fitted_estimator_knows_its_labels(make, target):
    X, y = target
    names = np.array(["zero", "one", "two", "three", "four"])[y]
    first = make().fit(X, names)
    kept = make(
        backbone=first.backbone_, head="keep", epochs=1, learning_rate=1e-9
    ).fit(X, names)
    assert kept.classes_.tolist() == first.classes_.tolist()
    assert np.array_equal(kept.predict(X), first.predict(X))


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_head_keep_with_labels_in_any_order(source_model, digits, class_weight):
    """The columns of a loaded head need not be in sorted order."""
    X, y = digits[0], digits[1]
    names = np.array(["zero", "one", "two", "three", "four"])
    estimator = TransferClassifier(
        Backbone.from_model(source_model, classes=names),
        head="keep",
        recipe="full",
        epochs=2,
        class_weight=class_weight,
    ).fit(X[:100], names[y[:100]])
    assert estimator.score(X, names[y]) > 0.95
    assert estimator.loss_curve_[0] < 0.3
    proba = estimator.predict_proba(X)
    assert np.array_equal(
        estimator.classes_[proba.argmax(axis=1)], estimator.predict(X)
    )


def test_warm_start_of_a_kept_head_with_some_of_the_classes(make, target):
    X, y = target
    rows = y < 3
    estimator = make(head="keep", warm_start=True).fit(X[rows], y[rows])
    assert estimator.fit(X[rows], y[rows]).classes_.tolist() == [0, 1, 2, 3, 4]


def test_partial_fit_of_a_kept_head(make, digits):
    X, y = digits[0][:100], digits[1][:100]
    estimator = make(head="keep").partial_fit(X, y, classes=np.arange(5))
    assert estimator.loss_curve_[0] < 0.3


def test_partial_fit_of_a_kept_head_knows_its_labels(make, target):
    X, y = target
    names = np.array(["zero", "one", "two", "three", "four"])[y]
    first = make().fit(X, names)
    kept = make(backbone=first.backbone_, head="keep", learning_rate=1e-9)
    kept.partial_fit(X, names, classes=np.unique(names))
    assert np.array_equal(kept.predict(X), first.predict(X))


# ---- what X may be


def test_rows_as_images_and_flat_rows_give_the_same(target):
    X, y = target
    images = np.round(X * 255).reshape(-1, 8, 8, 1)
    backbone = Backbone.from_model(convolutional())
    estimator = TransferClassifier(backbone, epochs=2, random_state=0)
    as_images = clone(estimator).fit(images, y)
    as_rows = clone(estimator).fit(images.reshape(len(X), 64), y)
    assert same_bits(as_images.weights_, as_rows.weights_)
    assert same_bits(
        [as_images.predict_proba(images)],
        [as_rows.predict_proba(images.reshape(-1, 64))],
    )
    without_channels = clone(estimator).fit(images[..., 0], y)
    assert same_bits(without_channels.weights_, as_images.weights_)


def test_uint8_images_are_the_numbers_they_hold(target):
    X, y = target
    images = np.round(X * 255).astype(np.uint8).reshape(-1, 8, 8, 1)
    estimator = TransferClassifier(convolutional, epochs=2, random_state=0)
    as_bytes = clone(estimator).fit(images, y)
    as_floats = clone(estimator).fit(images.astype("float32"), y)
    assert same_bits(as_bytes.weights_, as_floats.weights_)
    assert as_bytes.score(images, y) == as_floats.score(images.astype(float), y)


def test_memmap(make, target, tmp_path):
    X, y = target
    on_disk = np.memmap(tmp_path / "rows", X.dtype, "w+", shape=X.shape)
    on_disk[:] = X
    on_disk.flush()
    on_disk = np.memmap(tmp_path / "rows", X.dtype, "r", shape=X.shape)
    assert same_bits(make().fit(on_disk, y).weights_, make().fit(X, y).weights_)


@pytest.mark.parametrize("layout", ["fortran", "strided", "float64", "list"])
def test_layout_of_X_does_not_matter(make, target, layout):
    X, y = target
    other = {
        "fortran": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=0)[::2],
        "float64": X.astype(np.float64),
        "list": X.tolist(),
    }[layout]
    assert same_bits(make().fit(other, y).weights_, make().fit(X, y).weights_)


def test_mlp_takes_images(target):
    X, y = target
    estimator = TransferClassifier("mlp", epochs=2, random_state=0)
    flat = clone(estimator).fit(X, y)
    images = clone(estimator).fit(X.reshape(-1, 8, 8), y)
    assert same_bits(flat.weights_, images.weights_)
    assert images.predict(X.reshape(-1, 8, 8)).shape == (100,)


def test_prediction_of_a_row_does_not_depend_on_the_others(make, digits):
    estimator = make().fit(digits[2][:100], digits[3][:100])
    X = np.concatenate([digits[2], digits[0]])
    whole = estimator.predict_proba(X)
    one = np.concatenate([estimator.predict_proba(X[i : i + 1]) for i in range(20)])
    assert one.tobytes() == whole[:20].tobytes()
    assert estimator.predict_proba(X[300:301]).tobytes() == whole[300].tobytes()


# ---- the user's model


def test_the_users_model_is_not_changed(digits):
    model = source_network()
    model.layers[0].trainable = False
    optimizer = keras.optimizers.SGD(0.5)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(digits[0][:32], digits[1][:32], verbose=0)
    before = model.get_weights()
    flags = [layer.trainable for layer in model.layers]
    step = int(optimizer.iterations)
    estimator = TransferClassifier(
        model, epochs=2, recipe="full", frozen_depth=2, callbacks=["History"]
    )
    estimator.fit(digits[2][:50], digits[3][:50])
    assert same_bits(model.get_weights(), before)
    assert [layer.trainable for layer in model.layers] == flags
    assert model.trainable
    assert model.compiled
    assert model.optimizer is optimizer
    assert int(optimizer.iterations) == step
    assert float(optimizer.learning_rate) == 0.5
    assert estimator.backbone is model
    model.fit(digits[0][:32], digits[1][:32], verbose=0)


def test_a_model_changed_by_its_owner_is_read_anew(source_model, target):
    model = keras.models.clone_model(source_model)
    model.set_weights(source_model.get_weights())
    estimator = TransferClassifier(model, recipe="linear_probe", random_state=0)
    first = clone(estimator).fit(*target).weights_
    model.set_weights([array * 2 for array in model.get_weights()])
    estimator = TransferClassifier(model, recipe="linear_probe", random_state=0)
    second = estimator.fit(*target).weights_
    assert np.array_equal(first[0] * 2, second[0])


def test_fitted_attributes_hold_no_live_keras_object(source_model, target):
    estimator = TransferClassifier(source_model, epochs=2, callbacks=["History"])
    estimator.fit(*target)
    estimator.partial_fit(*target)
    parameters = set(estimator.get_params())
    fitted = {k: v for k, v in vars(estimator).items() if k not in parameters}
    assert not live_objects(fitted)
    assert live_objects(vars(estimator))
    copy.deepcopy(fitted)


def test_the_fit_of_a_network_with_custom_layers(target):
    @keras.saving.register_keras_serializable("tests")
    class Halve(keras.layers.Layer):
        def call(self, inputs):
            return inputs / 2

    model = keras.Sequential(
        [keras.Input((64,)), Halve(), keras.layers.Dense(16, activation="tanh")]
    )
    estimator = TransferClassifier(model, epochs=2, random_state=0).fit(*target)
    assert estimator.predict(target[0]).shape == (100,)


def test_a_layer_that_was_defined_anew_is_another_layer(target):
    """As in a notebook, where a cell is changed and run again."""

    def build(factor):
        class Scale(keras.layers.Layer):
            def call(self, inputs):
                return inputs * factor

        dense = keras.layers.Dense(4, kernel_initializer="ones")
        return keras.Sequential([keras.Input((64,)), Scale(), dense])

    once, thrice = (
        BackboneFeatures(build(factor), feature_layer="output").fit_transform(target[0])
        for factor in (1.0, 3.0)
    )
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-5)


# ---- callbacks


class Count(keras.callbacks.Callback):
    """Counts the epochs of all its copies, and of itself."""

    all_epochs = 0

    def __init__(self):
        super().__init__()
        self.epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        type(self).all_epochs += 1


@pytest.fixture
def count():
    Count.all_epochs = 0
    return Count


def test_callback_names(make, target):
    make(callbacks=["TerminateOnNaN", "History"]).fit(*target)
    make(callbacks="TerminateOnNaN").fit(*target)


def test_callback_factories_and_instances(make, target, count):
    instance = count()
    estimator = make(callbacks=[count, lambda: count(), instance], recipe="full")
    estimator.fit(*target)
    assert count.all_epochs == 9
    assert instance.epochs == 0
    assert estimator.callbacks[-1] is instance


def test_callbacks_are_safe_to_clone_and_to_use_again(make, target):
    stop = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=100.0)
    estimator = make(callbacks=[stop], epochs=10, recipe="full").fit(*target)
    first = estimator.n_iter_
    assert first < 10
    again = clone(estimator).fit(*target)
    assert again.n_iter_ == first
    assert estimator.fit(*target).n_iter_ == first
    assert same_bits(again.weights_, estimator.weights_)
    pickle.loads(pickle.dumps(estimator)).predict(target[0])


def test_callbacks_see_validation(make, target):
    seen = []
    log = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, dict(logs)))
    )
    make(callbacks=lambda: log, early_stopping=True, recipe="full").fit(*target)
    assert [epoch for epoch, _ in seen] == [0, 1, 2]
    assert {"loss", "val_loss", "val_accuracy"} <= set(seen[0][1])


def test_reduce_lr_on_plateau_changes_the_rate(make, target):
    reduce = keras.callbacks.ReduceLROnPlateau(
        "loss", factor=0.1, patience=1, min_delta=100.0, min_lr=0
    )
    estimator = make(callbacks=[reduce], epochs=6, recipe="full", learning_rate=0.01)
    estimator.fit(*target)
    rates = estimator.history_["learning_rate"]
    assert rates[0] == pytest.approx(0.01)
    assert rates[-1] < 0.01 * 0.011
    plain = make(epochs=6, recipe="full", learning_rate=0.01).fit(*target)
    assert estimator.loss_curve_[0] == plain.loss_curve_[0]
    assert estimator.loss_curve_[-1] != plain.loss_curve_[-1]


def test_learning_rate_scheduler_callback_sets_the_rate(make, target):
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    estimator = make(callbacks=lambda: schedule, recipe="full", learning_rate=0.008)
    estimator.fit(*target)
    assert estimator.history_["learning_rate"] == pytest.approx([0.004, 0.002, 0.001])


def test_callbacks_change_the_rate_of_the_head_too(make, target):
    """And keep it over the stages of a recipe."""

    class Halve(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 0:
                self.model.optimizer.learning_rate *= 0.5

    for recipe in ("full", "gradual"):
        options = {"recipe": recipe, "epochs": 4, "optimizer": "sgd"}
        halved = make(
            learning_rate=0.5, head_learning_rate=0.25, callbacks=[Halve], **options
        ).fit(*target)
        plain = make(learning_rate=0.25, head_learning_rate=0.125, **options)
        plain.fit(*target)
        assert halved.history_["learning_rate"] == [0.25] * 4
        assert same_bits(halved.weights_, plain.weights_)


def test_hooks_of_a_lambda_callback(make, target):
    seen = []
    log = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: seen.append("begin"),
        on_epoch_begin=lambda epoch, logs: seen.append(epoch),
        on_train_end=lambda logs: seen.append("end"),
    )
    make(callbacks=lambda: log, recipe="full").fit(*target)
    assert seen == ["begin", 0, 1, 2, "end"]


def test_training_begins_and_ends_once_over_all_stages(make, target, tmp_path):
    log = tmp_path / "log.csv"
    calls, shapes = [], []

    class Record(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            calls.append("begin")

        def on_epoch_end(self, epoch, logs=None):
            shapes.append([array.shape for array in self.model.get_weights()])

        def on_train_end(self, logs=None):
            calls.append(logs["loss"])

    estimator = make(
        recipe="gradual",
        epochs=8,
        callbacks=[Record, lambda: keras.callbacks.CSVLogger(log)],
    ).fit(*target)
    stages = estimator.history_["stage"]
    assert len(set(stages)) == 2
    assert calls == ["begin", estimator.loss_]
    lines = log.read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [str(i) for i in range(8)]
    # One model in all stages: the backbone and the head.
    expected = [array.shape for array in estimator.weights_]
    assert shapes == [expected] * 8


def test_early_stopping_callback_looks_at_all_stages(make, target):
    seen = []

    class Record(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.get_weights())

    stop = keras.callbacks.EarlyStopping(
        "loss", mode="max", patience=50, restore_best_weights=True
    )
    estimator = make(recipe="gradual", epochs=8, callbacks=[Record, stop])
    estimator.fit(*target)
    assert np.argmax(estimator.loss_curve_) == 0
    assert same_bits(estimator.weights_, seen[0])


def test_callbacks_cannot_change_frozen_weights(make, target, source):
    class Zeros(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.set_weights([0 * array for array in self.model.get_weights()])

    options = {"recipe": "full", "frozen_depth": 2}
    expected = make(**options).fit(*target)
    changed = make(callbacks=[Zeros], **options).fit(*target)
    assert changed_weights(changed, source) == [4, 5]
    assert not changed.backbone_.weights[4].any()
    # Nor does a later fit see them.
    assert same_bits(make(**options).fit(*target).weights_, expected.weights_)


def test_a_failing_callback_leaves_nothing_in_the_network(make, target):
    seen = []

    class Fail(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model)
            raise RuntimeError("from a callback")

        def on_train_end(self, logs=None):
            seen.append("end")

    with pytest.raises(RuntimeError, match="from a callback"):
        make(callbacks=[Fail], recipe="full").fit(*target)
    # As in Keras, training that fails has no end.
    (model,) = seen
    assert model.optimizer is None


def test_early_stopping_callback_restores_the_best_weights(make, target):
    seen = []

    class Record(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.get_weights())

    # The worst loss is the first one.
    stop = keras.callbacks.EarlyStopping(
        "loss", mode="max", patience=2, restore_best_weights=True
    )
    estimator = make(
        recipe="full", epochs=6, learning_rate=0.01, callbacks=[Record, stop]
    ).fit(*target)
    assert len(seen) == 3
    assert same_bits(estimator.weights_, seen[0])


def test_callbacks_may_use_other_estimators(make, target):
    """Of the same architecture, hence with the same compiled functions."""
    other = make(epochs=1, recipe="full").fit(*target)

    class Compare(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            other.predict(target[0])

    alone = make(recipe="full").fit(*target)
    compared = make(recipe="full", callbacks=[Compare]).fit(*target)
    assert same_bits(compared.weights_, alone.weights_)


def test_weights_that_a_callback_sets_before_a_failure_are_gone(make, target):
    class Spoil(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.set_weights([0 * w for w in self.model.get_weights()])
            raise RuntimeError("on purpose")

    before = make(recipe="full").fit(*target)
    with pytest.raises(RuntimeError, match="on purpose"):
        make(recipe="full", callbacks=[Spoil]).fit(*target)
    after = make(recipe="full").fit(*target)
    assert same_bits(after.weights_, before.weights_)


def test_a_callback_keeps_its_place_over_the_stages(make, target):
    seen = []
    log = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(epoch)
    )
    make(callbacks=lambda: log, recipe="gradual", epochs=4).fit(*target)
    assert seen == [0, 1, 2, 3]


# ---- learning rates


def test_schedule(make, target):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 4, 0.5, staircase=True)
    estimator = make(
        learning_rate=schedule, recipe="full", epochs=3, batch_size=25
    ).fit(*target)
    # Four steps an epoch: each has half the rate of the one before.
    assert estimator.history_["learning_rate"] == pytest.approx([0.01, 0.005, 0.0025])
    again = clone(estimator).fit(*target)
    assert same_bits(again.weights_, estimator.weights_)
    pickle.loads(pickle.dumps(estimator))


@pytest.mark.parametrize(
    "parameters", [{"head_learning_rate": 0.01}, {"callbacks": ["History"]}]
)
def test_schedule_that_warms_up_from_zero(make, target, parameters):
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, 100, warmup_target=0.01, warmup_steps=3
    )
    estimator = make(learning_rate=schedule, recipe="full", **parameters).fit(*target)
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]


def test_constant_schedule_is_the_constant(make, target):
    schedule = keras.optimizers.schedules.PolynomialDecay(0.01, 1000, 0.01)
    scheduled = make(learning_rate=schedule).fit(*target)
    constant = make(learning_rate=0.01).fit(*target)
    np.testing.assert_allclose(
        scheduled.predict_proba(target[0]),
        constant.predict_proba(target[0]),
        atol=1e-4,
    )


@pytest.mark.parametrize(
    "name",
    [
        "sgd",
        "adam",
        "AdamW",
        "rmsprop",
        "lion",
        "nadam",
        "adamax",
        "adagrad",
        "adadelta",
        "ftrl",
        "lamb",
    ],
)
def test_optimizers_by_name(make, target, name):
    estimator = make(optimizer=name, recipe="full", epochs=5).fit(*target)
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop"])
def test_gradient_steps_are_those_of_keras(source_model, target, name):
    estimator = TransferClassifier(
        source_model,
        head="keep",
        recipe="full",
        optimizer=name,
        epochs=5,
        batch_size=100,
        weight_decay=0.0,
    ).fit(*target)
    model = keras.models.clone_model(source_model)
    model.set_weights(source_model.get_weights())
    optimizer = keras.optimizers.get(name)
    optimizer.weight_decay = None
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.optimizer.learning_rate = 1e-3
    model.fit(*target, batch_size=100, epochs=5, verbose=0)
    for ours, theirs in zip(estimator.weights_, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_optimizer_instance(make, target):
    instance = keras.optimizers.SGD(123.0, momentum=0.9)
    estimator = make(optimizer=instance, recipe="full").fit(*target)
    assert float(instance.learning_rate) == 123.0
    plain = make(optimizer="sgd", recipe="full").fit(*target)
    assert estimator.loss_ < plain.loss_
    assert same_bits(clone(estimator).fit(*target).weights_, estimator.weights_)


# ---- what the user sees


def test_verbose(make, target, capsys):
    make(verbose=1, early_stopping=True).fit(*target)
    shown = capsys.readouterr().out
    assert "loss" in shown
    assert "val_accuracy" in shown
    make(verbose=0).fit(*target)
    assert capsys.readouterr().out == ""


def test_html_display(make, target):
    estimator = make(frozen_depth=1)
    assert "TransferClassifier" in estimator._repr_html_()
    estimator.fit(*target)
    html = estimator._repr_html_()
    assert "TransferClassifier" in html
    assert "1 of 3 frozen" in html
    assert html.count("<td>frozen</td>") == 1
    assert html.count("<td>trained</td>") == 2


# ---- a fit that fails


def fitted_state(estimator):
    parameters = set(estimator.get_params())
    return {k: v for k, v in vars(estimator).items() if k not in parameters}


def same_objects(state, other):
    return state.keys() == other.keys() and all(state[k] is other[k] for k in state)


class Fail(keras.callbacks.Callback):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def on_epoch_end(self, epoch, logs=None):
        raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_fit_leaves_the_estimator_as_it_was(make, target, error):
    X, y = target
    estimator = make(callbacks=[Fail(error)])
    with pytest.raises(error):
        estimator.fit(X, y)
    assert not [name for name in vars(estimator) if name.endswith("_")]

    estimator = make().fit(X, y)
    before, proba = fitted_state(estimator), estimator.predict_proba(X)
    estimator.set_params(callbacks=[Fail(error)])
    with pytest.raises(error):
        estimator.fit(X[:60, :], (y[:60] > 2))
    with pytest.raises(error):
        estimator.partial_fit(X, y)
    assert same_objects(fitted_state(estimator), before)
    assert estimator.predict_proba(X).tobytes() == proba.tobytes()
    # Nor does it disturb a later fit.
    estimator.set_params(callbacks=None)
    assert same_bits(estimator.fit(X, y).weights_, make().fit(X, y).weights_)


def test_a_fit_with_bad_rows_leaves_the_estimator_as_it_was(make, target):
    X, y = target
    estimator = make().fit(X, y)
    before = fitted_state(estimator)
    with pytest.raises(ValueError, match="NaN"):
        estimator.fit(np.full((10, 3), np.nan), np.arange(10))
    with pytest.raises(ValueError, match="X has samples of shape"):
        estimator.fit(np.zeros((10, 3)), np.arange(10))
    assert same_objects(fitted_state(estimator), before)
    assert estimator.n_features_in_ == 64


# ---- the same backbone from several places


def test_the_source_of_a_backbone_does_not_matter(
    source_model, source, target, tmp_path
):
    X, y = target
    path = tmp_path / "source.keras"
    source_model.save(path)
    fits = [
        TransferClassifier(backbone, epochs=2, random_state=0, frozen_depth=1).fit(X, y)
        for backbone in (source_model, source, path, str(path))
    ]
    for other in fits[1:]:
        assert same_bits(other.weights_, fits[0].weights_)


def test_weights_none_is_another_start_for_each_seed(target):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(16, "tanh")])
    source = Backbone.from_model(model)

    def start(seed):
        return TransferClassifier(
            source, weights=None, recipe="linear_probe", random_state=seed
        ).fit(*target)

    first, second = start(0), start(1)
    assert same_bits(first.weights_, start(0).weights_)
    assert not np.array_equal(first.weights_[0], second.weights_[0])
    assert not np.array_equal(first.weights_[0], source.weights[0])


def test_memory_keeps_frozen_outputs(make, target, tmp_path):
    plain = make(frozen_depth=2).fit(*target)
    for _ in range(2):
        cached = make(frozen_depth=2, memory=str(tmp_path)).fit(*target)
        assert same_bits(cached.weights_, plain.weights_)
    other = make(frozen_depth=1, memory=str(tmp_path)).fit(*target)
    assert same_bits(other.weights_, make(frozen_depth=1).fit(*target).weights_)


def test_float64(make, target):
    estimator = make(dtype="float64").fit(*target)
    assert all(array.dtype == np.float64 for array in estimator.weights_)
    single = make(dtype="float32").fit(*target)
    assert all(array.dtype == np.float32 for array in single.weights_)
    np.testing.assert_allclose(
        estimator.predict_proba(target[0]), single.predict_proba(target[0]), atol=1e-3
    )


def moving_statistics(estimator):
    names = [weight.name for weight in estimator.backbone_.build().weights]
    return [
        array
        for name, array in zip(names, estimator.backbone_.weights, strict=True)
        if name.startswith("moving")
    ]


def test_unfrozen_batch_normalization_keeps_pretrained_statistics(target):
    X, y = target
    backbone = Backbone.from_model(with_batch_normalization())
    estimator = TransferClassifier(backbone, recipe="full", epochs=3, random_state=0)
    estimator.fit(X, y)
    names = [weight.name for weight in backbone.build().weights]
    changed = {
        name
        for name, before, after in zip(
            names, backbone.weights, estimator.backbone_.weights, strict=True
        )
        if not np.array_equal(before, after)
    }
    assert changed == {"kernel", "bias", "gamma", "beta"}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_batch_normalization_from_scratch_learns_statistics(target, method):
    X, y = target
    estimator = TransferClassifier(
        with_batch_normalization, weights=None, epochs=3, random_state=0
    )
    if method == "fit":
        estimator.set_params(warm_start=True).fit(X, y)
        before = moving_statistics(estimator)
        estimator.fit(X, y)
    else:
        estimator.partial_fit(X, y, classes=np.unique(y))
        before = moving_statistics(estimator)
        estimator.partial_fit(X, y)
    after = moving_statistics(estimator)
    assert before
    assert not any(map(np.array_equal, before, after))
