"""Recipe objects as a parameter of the estimators."""

import pickle

import keras
import numpy as np
import pytest
from domains import bits, make_adapted
from networks import two_layers, with_batch_normalization
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sktransfer import Recipe, TransferClassifier


def test_a_name_is_a_recipe_of_that_order(make, target):
    named, given = (make(recipe=r).fit(*target) for r in ("lp_ft", Recipe("lp_ft")))
    assert bits(named) == bits(given) == bits(make().fit(*target))


def test_clone_pickle_and_repr(make, target):
    estimator = make(recipe=Recipe(tune="bias", schedule="cosine", mixup_alpha=0.2))
    expected = bits(clone(estimator).fit(*target))
    assert bits(pickle.loads(pickle.dumps(estimator)).fit(*target)) == expected
    shown = "recipe=Recipe(mixup_alpha=0.2, schedule='cosine', tune='bias')"
    assert shown in " ".join(repr(estimator).split())
    assert "tune" in estimator._repr_html_()
    # A fit changes no parameter.
    recipe = estimator.fit(*target).recipe
    assert recipe.get_params() == {
        "order": "auto",
        "tune": "bias",
        "lora_rank": 4,
        "schedule": "cosine",
        "warm_up": 0.0,
        "probe_C": 0.1,
        "mixup_alpha": 0.2,
    }
    assert bits(estimator) == expected


def test_searched_over(make, target):
    grid = {"recipe__tune": ["first", "bias"]}
    search = GridSearchCV(make(recipe=Recipe("full"), epochs=1), grid, cv=2)
    search.fit(*target)
    assert len(np.unique(search.cv_results_["mean_test_score"])) > 1
    assert search.best_estimator_.recipe.tune == search.best_params_["recipe__tune"]


def changed(estimator):
    pairs = zip(estimator.backbone.weights, estimator.backbone_.weights, strict=True)
    return [not np.array_equal(a, b) for a, b in pairs]


@pytest.mark.parametrize(
    ("tune", "expected"),
    [
        ("bias", [False, True] * 3),
        ("middle", [False, False, True, True, False, False]),
        ("lora", [True, False] * 3),
    ],
)
def test_weights_that_are_not_tuned_are_shared(make, target, tune, expected):
    estimator = make(recipe=Recipe(tune=tune)).fit(*target)
    assert changed(estimator) == expected
    pairs = zip(estimator.backbone.weights, estimator.backbone_.weights, strict=True)
    assert [a is not b for a, b in pairs] == expected


def test_stages_of_a_thirds_recipe(make, target):
    estimator = make(recipe=Recipe("gradual", tune="first"), epochs=2).fit(*target)
    assert changed(estimator) == [True, True] + [False] * 4


def test_normalization_keeps_its_statistics(target):
    estimator = TransferClassifier(
        with_batch_normalization, recipe=Recipe(tune="norm"), epochs=1, random_state=0
    ).fit(*target)
    start = with_batch_normalization().get_weights()
    pairs = zip(start, estimator.backbone_.weights, strict=True)
    different = [not np.array_equal(a, b) for a, b in pairs]
    dense, norm = [False] * 2, [True, True, False, False]
    assert different == [*dense, *norm, *dense, *norm, *dense]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"order": "lpft"}, "'order' parameter of Recipe.*'lpft'"),
        ({"tune": "biases"}, "'tune' parameter of Recipe.*'biases'"),
        ({"lora_rank": 0}, "'lora_rank' parameter of Recipe.*0"),
        ({"schedule": "linear"}, "'schedule' parameter of Recipe.*'linear'"),
        ({"warm_up": 1.0}, "'warm_up' parameter of Recipe.*1.0"),
        ({"mixup_alpha": -0.1}, "'mixup_alpha' parameter of Recipe.*-0.1"),
        ({"order": "in_context"}, "needs backbone='tabular'"),
        ({"tune": "norm"}, "tune='norm' of the recipe trains no weights"),
    ],
)
def test_bad_parameters(make, target, parameters, words):
    estimator = make(recipe=Recipe(**parameters))
    with pytest.raises(ValueError, match=f"(?s){words}"):
        estimator.fit(*target)
    assert not hasattr(estimator, "backbone_")


def test_something_else_than_a_recipe(make, target):
    with pytest.raises(ValueError, match=r"'recipe' parameter.*Recipe"):
        make(recipe={"tune": "all"}).fit(*target)


@pytest.mark.parametrize("plan", [{"schedule": "cosine"}, {"warm_up": 0.1}])
def test_rates_are_planned_once(make, target, plan):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    with pytest.raises(ValueError, match="are not supported with a Keras schedule"):
        make(recipe=Recipe(**plan), learning_rate=schedule).fit(*target)
    with pytest.raises(ValueError, match="which partial_fit does not"):
        make(recipe=Recipe(**plan)).partial_fit(*target, classes=range(5))


def test_mixing_needs_numbers_that_are_mixed(target):
    X, y = np.arange(40).reshape(10, 4) % 7, np.arange(10) % 2
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(7, 3),
            keras.layers.Flatten(),
        ]
    )
    recipe = Recipe("full", mixup_alpha=0.2)
    estimator = TransferClassifier(model, recipe=recipe, epochs=1, random_state=0)
    with pytest.raises(ValueError, match=r"mixup_alpha=0.2 .*floats.* got int32"):
        estimator.fit(X, y)
    # Outputs of the frozen layer can be mixed.
    estimator.set_params(frozen_depth="all", recipe__order="gradual").fit(X, y)
    with pytest.raises(ValueError, match=r"mixup_alpha=0.2 .*backbone='tabular'"):
        TransferClassifier("tabular", recipe=recipe).fit(X, y)


# ---- with rows of a target


@pytest.fixture
def rows():
    """X, y and rows of a target."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 64)), np.arange(60) % 2, rng.normal(size=(30, 64)) + 1


@pytest.mark.filterwarnings("ignore:Adapting by")
def test_tuning_with_a_target(rows):
    X, y, X_target = rows
    recipe = Recipe(tune="bias", schedule="cosine")
    estimator = make_adapted("mcc", recipe=recipe, epochs=1)
    estimator.fit(X, y, X_target=X_target)
    start = two_layers((64,)).get_weights()
    pairs = zip(start, estimator.backbone_.weights, strict=True)
    assert [np.array_equal(a, b) for a, b in pairs] == [True, False] * 2


def test_mixing_with_a_target(rows):
    X, y, X_target = rows
    estimator = make_adapted("mcc", recipe=Recipe(mixup_alpha=0.2), epochs=1)
    with pytest.raises(ValueError, match=r"mixup_alpha=0.2 .*method=MCC\(\)"):
        estimator.fit(X, y, X_target=X_target)
    estimator.set_params(method="source_only").fit(X, y, X_target=X_target)


def test_a_method_that_has_nothing_to_train(rows):
    X, y, X_target = rows
    estimator = make_adapted("tent", recipe=Recipe(tune="lora"), epochs=1)
    with pytest.raises(ValueError, match=r"method=TENT\(.*trains none of it"):
        estimator.fit(X, y, X_target=X_target)
