"""Recipes: which stages, and what they leave."""

import numpy as np
import pytest
from graphs import GRAPHS, make, outputs, rows

from sktransfer import Backbone
from sktransfer._task import FitTask, Settings
from sktransfer.heads import ClassHead
from sktransfer.training.fine_tune import fine_tune
from sktransfer.training.observer import Observer
from sktransfer.training.plan.stages import Stage, plan
from sktransfer.training.step.optimizers import serialize_optimizer
from sktransfer.training.step.probe import solve_head
from sktransfer.training.store.samples import Samples


def stages(recipe, **options):
    defaults = {
        "depth": 1,
        "n_layers": 4,
        "epochs": 8,
        "pretrained": True,
        "has_head": False,
    }
    return [
        (stage.name, stage.depth, stage.epochs)
        for stage in plan(recipe, **(defaults | options))
    ]


def test_linear_probe():
    assert stages("linear_probe") == [("probe", 4, 0)]
    assert stages("linear_probe", pretrained=False) == [("probe", 4, 0)]
    assert stages("linear_probe", has_head=True) == [("head", 4, 8)]


def test_full():
    assert stages("full") == [("fine_tune", 1, 8)]
    assert stages("full", depth=4) == [("fine_tune", 4, 8)]


def test_lp_ft():
    assert stages("lp_ft") == [("probe", 4, 0), ("fine_tune", 1, 8)]
    assert stages("lp_ft", depth=4) == [("probe", 4, 0)]
    assert stages("lp_ft", has_head=True) == [("fine_tune", 1, 8)]
    assert stages("lp_ft", has_head=True, depth=4) == [("fine_tune", 4, 8)]


@pytest.mark.parametrize("recipe", ["full", "lp_ft", "gradual"])
def test_what_has_learned_nothing_is_trained_in_full(recipe):
    assert stages(recipe, pretrained=False) == [("fine_tune", 1, 8)]


def test_gradual():
    assert stages("gradual", depth=0, n_layers=3) == [
        ("head", 3, 2),
        ("fine_tune", 2, 2),
        ("fine_tune", 1, 2),
        ("fine_tune", 0, 2),
    ]
    assert stages("gradual", depth=4) == [("head", 4, 8)]


@pytest.mark.parametrize("n_layers", [1, 2, 3, 5, 53])
@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 50])
def test_gradual_unfreezes_more_and_more_down_to_the_depth(n_layers, epochs):
    for depth in {0, 1, n_layers // 2, n_layers}:
        depths = [
            d
            for _, d, _ in stages(
                "gradual", depth=depth, n_layers=n_layers, epochs=epochs
            )
        ]
        shares = [
            e
            for _, _, e in stages(
                "gradual", depth=depth, n_layers=n_layers, epochs=epochs
            )
        ]
        assert sum(shares) == epochs
        assert min(shares) >= 1
        assert depths == sorted(set(depths), reverse=True)
        # What the user asked to train is trained.
        assert depths[-1] == depth


# ---- running them


def fit(backbone, X, y, plan, head=None, n_classes=3, **settings):
    defaults = {
        "learning_rate": 0.05,
        "optimizer": serialize_optimizer("sgd"),
        "epochs": 2,
    }
    task = FitTask(
        samples=Samples(X, np.arange(len(X)), y.astype("int32"), np.ones(len(X))),
        head=ClassHead(np.arange(n_classes)),
        backbone=backbone,
        frozen_depth=plan[-1].depth,
        order="full",
        settings=Settings(**(defaults | settings)),
        dtype="float32",
        rng=np.random.default_rng(0),
        observer=Observer(),
        head_weights=head,
    )
    return fine_tune(task, plan)


@pytest.mark.parametrize(
    "name", [name for name in GRAPHS if name != "nested_two_outputs"]
)
def test_the_probe_is_solved_on_the_features(name):
    model = make(name)
    backbone = Backbone.from_model(model, feature_layer="output")
    X = rows(model, 30)
    y = np.arange(30) % 3
    fitted = fit(backbone, X, y, [Stage("probe", backbone.n_layers, 0)])
    features = outputs(backbone.build(), X, training=False)
    expected = solve_head(features, y, np.ones(30), 3, 0.1)
    for a, b in zip(fitted.head, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    for a, b in zip(fitted.weights, backbone.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert [entry["stage"] for entry in fitted.history] == ["probe"]
    assert fitted.optimizer_state is None


def test_stages_of_a_fit():
    model = make("sequential")
    backbone = Backbone.from_model(model, feature_layer="output")
    X, y = rows(model, 30), np.arange(30) % 3
    plan = [Stage("probe", 3, 0), Stage("head", 3, 2), Stage("fine_tune", 1, 3)]
    fitted = fit(backbone, X, y, plan)
    assert [entry["stage"] for entry in fitted.history] == [
        "probe",
        *["head"] * 2,
        *["fine_tune"] * 3,
    ]
    changed = [
        not np.array_equal(a, b)
        for a, b in zip(fitted.weights, backbone.weights, strict=True)
    ]
    assert changed == [False, False, True, True, True, True]
    assert fitted.optimizer_state is not None


def test_a_given_head_is_where_training_starts():
    model = make("sequential")
    backbone = Backbone.from_model(model, feature_layer="output")
    X, y = rows(model, 30), np.arange(30) % 3
    head = (np.ones((5, 3), "float32"), np.full(3, 2.0, "float32"))
    fitted = fit(backbone, X, y, [Stage("fine_tune", 3, 1)], head, learning_rate=1e-9)
    np.testing.assert_allclose(fitted.head[0], head[0], atol=1e-6)
    np.testing.assert_allclose(fitted.head[1], head[1], atol=1e-6)
