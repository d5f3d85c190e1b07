"""Stages of a recipe."""

from dataclasses import dataclass

import numpy as np

_GRADUAL_STAGES = 4


@dataclass(frozen=True)
class Stage:
    """One stage of a recipe.

    Attributes
    ----------
    name : str
        "probe", "head", "fine_tune" or "target".
    depth : int
        Frozen depth of the stage.
    epochs : int
        Maximum number of epochs; 0 for a linear probe, which is solved.
    """

    name: str
    depth: int
    epochs: int


def plan_task(task):
    """List the stages of the recipe of a task; see :func:`plan`."""
    return plan(
        task.order,
        depth=task.frozen_depth,
        n_layers=task.backbone.n_layers,
        epochs=task.settings.epochs,
        pretrained=task.is_trained,
        has_head=task.head_weights is not None,
    )


def plan(order, *, depth, n_layers, epochs, pretrained, has_head):
    """List the stages of a recipe.

    Without pretrained weights, all orders except "linear_probe" are "full", as there
    are no features to keep. A head that was trained before is not solved again:
    "linear_probe" trains it by gradient steps.

    Parameters
    ----------
    order : str
        Key of :data:`STAGES_OF_ORDER`.
    depth, n_layers : int
        Frozen depth, and number of layers with weights.
    epochs : int
        Maximum number of epochs of all stages.
    pretrained, has_head : bool
        Whether the backbone and the head were trained before.

    Returns
    -------
    list of Stage
    """
    if not pretrained and order != "linear_probe":
        order = "full"
    return STAGES_OF_ORDER[order](depth, n_layers, epochs, has_head)


def _linear_probe(depth, n_layers, epochs, has_head):
    name, n_epochs = ("head", epochs) if has_head else ("probe", 0)
    return [Stage(name, n_layers, n_epochs)]


def _full(depth, n_layers, epochs, has_head):
    return [Stage("fine_tune", depth, epochs)]


def _lp_ft(depth, n_layers, epochs, has_head):
    stages = [] if has_head else [Stage("probe", n_layers, 0)]
    if depth < n_layers or has_head:
        stages.append(Stage("fine_tune", depth, epochs))
    return stages


def _gradual(depth, n_layers, epochs, has_head):
    n_stages = min(_GRADUAL_STAGES, n_layers - depth + 1, epochs)
    depths = np.linspace(depth, n_layers, n_stages).round().astype(int)[::-1]
    bounds = np.linspace(0, epochs, n_stages + 1).round().astype(int)
    return [
        Stage("head" if d == n_layers else "fine_tune", int(d), int(n_epochs))
        for d, n_epochs in zip(depths, np.diff(bounds), strict=True)
    ]


# Orders of a recipe: how each lists its stages.
STAGES_OF_ORDER = {
    "linear_probe": _linear_probe,
    "full": _full,
    "lp_ft": _lp_ft,
    "gradual": _gradual,
}
