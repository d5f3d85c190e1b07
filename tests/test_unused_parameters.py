"""Parameters that have no effect in a combination are told once, by name."""

import warnings

import numpy as np
import pytest

from sktransfer import TransferClassifier

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
            {"backbone": "tabular", "epochs": 3, "callbacks": ["History"]},
            ["epochs=3, callbacks=['History'] has no effect", "recipe='full'"],
        ),
        (
            {"backbone": "tabular", "frozen_depth": 2},
            ["frozen_depth=2 has no effect"],
        ),
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
    ],
)
def test_one_warning_that_names_them(parameters, parts):
    (message,) = set(messages(TransferClassifier(random_state=0, **parameters)))
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    "parameters",
    [
        {"backbone": "tabular"},
        {"backbone": "tabular", "recipe": "in_context", "epochs": 3},
        {"backbone": "mlp", "epochs": 1},
        {"backbone": "mlp", "recipe": "linear_probe"},
    ],
)
def test_no_warning(parameters):
    assert messages(TransferClassifier(random_state=0, **parameters)) == []


def test_a_pretrained_backbone_may_be_frozen():
    source = TransferClassifier("mlp", epochs=1, random_state=0).fit(X, Y)
    model = TransferClassifier(source.backbone_, frozen_depth="all", epochs=2)
    assert messages(model) == []
