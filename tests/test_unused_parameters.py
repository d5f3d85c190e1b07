"""Parameters that have no effect in a combination are told once, by name."""

import warnings

import numpy as np
import pytest

from sktransfer import DomainAdaptedClassifier, TransferClassifier

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 4)), np.arange(40) % 2


def messages(estimator):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, Y)
    return [str(w.message) for w in caught if "effect" in str(w.message)] + [
        str(w.message) for w in caught if "random weights" in str(w.message)
    ]


@pytest.mark.parametrize(
    ("parameters", "parts"),
    [
        (
            {"backbone": "mlp", "recipe": "linear_probe", "epochs": 7},
            ["epochs=7 has no effect", "linear_probe"],
        ),
        (
            {"backbone": "mlp", "feature_layer": "hidden_1", "epochs": 1},
            ["feature_layer='hidden_1' has no effect with backbone='mlp'"],
        ),
        (
            {"backbone": "mlp", "frozen_depth": "all", "epochs": 1},
            ["frozen_depth='all' freezes layers with random weights"],
        ),
        (
            {
                "backbone": "mlp",
                "n_estimators": 3,
                "softmax_temperature": 2,
                "epochs": 1,
            },
            ["n_estimators=3 has no effect", "softmax_temperature=2 has no effect"],
        ),
    ],
)
def test_one_warning_that_names_them(parameters, parts):
    (message,) = set(messages(TransferClassifier(random_state=0, **parameters)))
    for part in parts:
        assert part in message


def test_members_of_a_trained_ensemble_stay():
    source = TransferClassifier("mlp_ensemble", epochs=1).fit(X, Y)
    clf = TransferClassifier(source.backbone_, n_estimators=3, epochs=1)
    (message,) = messages(clf)
    assert "n_estimators=3 has no effect" in message
    assert not messages(clf.set_params(weights=None))


@pytest.mark.parametrize(
    "parameters",
    [
        {"backbone": "tabular"},
        {"backbone": "tabular", "recipe": "in_context", "epochs": 3},
        {"backbone": "mlp", "epochs": 1, "frozen_depth": 0},
        {"backbone": "mlp", "recipe": "linear_probe"},
    ],
)
def test_no_warning(parameters):
    assert messages(TransferClassifier(random_state=0, **parameters)) == []


def test_a_pretrained_backbone_may_be_frozen():
    source = TransferClassifier("mlp", epochs=1, random_state=0).fit(X, Y)
    model = TransferClassifier(source.backbone_, frozen_depth="all")
    assert messages(model) == []
    model.set_params(recipe="full", epochs=2)
    assert messages(model) == []
    model.set_params(recipe="lp_ft", early_stopping=True)
    (message,) = messages(model)
    assert "epochs=2, early_stopping=True has no effect: frozen_depth='all'" in message


def test_a_subclass_with_a_parameter_without_a_default():
    class Subclass(TransferClassifier):
        def __init__(self, name, *, epochs=5):
            super().__init__("mlp", recipe="linear_probe", epochs=epochs)
            self.name = name

    assert messages(Subclass("a")) == []
    (message,) = messages(Subclass("a", epochs=2))
    assert message.startswith("epochs=2 has no effect")


def test_partial_fit_trains_the_head_by_a_gradient_step():
    model = TransferClassifier("mlp", recipe="linear_probe", learning_rate=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X, Y, classes=[0, 1])


def test_adaptation_in_context_takes_no_steps():
    model = DomainAdaptedClassifier("tabular", epochs=3, callbacks=["History"])
    with pytest.warns(UserWarning, match="effect") as caught:
        model.fit(X, Y)
    (message,) = [str(w.message) for w in caught if "effect" in str(w.message)]
    assert "epochs=3, callbacks=['History'] has no effect" in message
    assert "Use backbone='mlp'" in message
