"""Recipes: the order in which weights are trained."""

from dataclasses import dataclass

import numpy as np

from sktransfer.training.linear_probe import random_head, solve_head
from sktransfer.training.loop import History, evaluate, train
from sktransfer.training.optimizers import rate_multipliers
from sktransfer.training.program import get_program
from sktransfer.training.rows import RowFeatures

RECIPES = ("linear-probe", "full", "lp-ft", "gradual")
_GRADUAL_STAGES = 4


@dataclass(frozen=True)
class Stage:
    """One step of a recipe.

    Attributes
    ----------
    name : str
        "probe", "head" or "fine-tune".
    depth : int
        Frozen depth of the stage.
    epochs : int
        Greatest number of epochs; 0 for a probe, which is solved.
    """

    name: str
    depth: int
    epochs: int


def plan(recipe, *, depth, n_layers, epochs, pretrained, has_head):
    """List the stages of a recipe.

    A network that has learned nothing has no features to probe or to protect, so
    it is trained in full by every recipe but "linear-probe". A head that is already
    there is not probed anew.

    Parameters
    ----------
    recipe : str
        One of RECIPES.
    depth, n_layers : int
        Frozen depth, and weighted layers of the backbone.
    epochs : int
        Greatest number of epochs of all stages.
    pretrained, has_head : bool
        Whether the backbone, and the head, were learned before.

    Returns
    -------
    list of Stage
    """
    if recipe == "linear-probe":
        return [Stage("probe", n_layers, 0)]
    if recipe == "full" or not pretrained:
        return [Stage("fine-tune", depth, epochs)]
    if recipe == "lp-ft":
        stages = [] if has_head else [Stage("probe", n_layers, 0)]
        if depth < n_layers or has_head:
            stages.append(Stage("fine-tune", depth, epochs))
        return stages
    n_stages = min(_GRADUAL_STAGES, n_layers - depth + 1, epochs)
    depths = np.linspace(n_layers, depth, n_stages).round().astype(int)
    shares = np.diff(np.linspace(0, epochs, n_stages + 1).round().astype(int))
    return [
        Stage("head" if d == n_layers else "fine-tune", int(d), int(share))
        for d, share in zip(depths, shares, strict=True)
    ]


@dataclass
class Fit:
    """What fine-tuning gives.

    Attributes
    ----------
    weights : list of ndarray
        Of the whole backbone.
    head : list of two ndarrays
        Kernel and bias.
    history : History
    optimizer_state : list of ndarray or None
        For going on with the last stage.
    """

    weights: list
    head: list
    history: History
    optimizer_state: list | None = None


def fine_tune(
    backbone,
    head,
    stages,
    examples,
    validation,
    n_classes,
    settings,
    *,
    dtype,
    rng,
    observer,
    memory=None,
    optimizer_state=None,
):
    """Run the stages of a recipe.

    Parameters
    ----------
    backbone : Backbone
        Starting weights.
    head : tuple of two ndarrays or None
        Kernel and bias to start from; None starts from a probe or a random head.
    stages : list of Stage
        From :func:`plan`.
    examples, validation : Examples
        Training rows; rows to score after each epoch, or None.
    n_classes : int
        Columns of the head.
    settings : Settings
        Training parameters.
    dtype : str
        Floating-point type.
    rng : numpy.random.Generator
        Source of the random head, the shuffles and the random layers.
    observer : Observer
        Told of each epoch.
    memory : joblib.Memory or None
        Keeps prefix outputs on disk.
    optimizer_state : list of ndarray or None
        State of an earlier call to go on from.

    Returns
    -------
    Fit
    """
    weights, history, state = backbone.weights, History(), None
    fresh_head = random_head(backbone.n_features_out, n_classes, rng)
    key = backbone.fingerprint if memory is not None else ""
    best, steps_before = None, 0
    for stage in stages:
        program = get_program(backbone, stage.depth, n_classes, dtype)
        with program.lock:
            program.load(weights, head or fresh_head)
            rows = RowFeatures(examples.X, program, memory, key)
            held_out = None
            if validation is not None:
                val_rows = RowFeatures(validation.X, program, memory, key)
                held_out = (val_rows, validation)
            if stage.name == "probe":
                head = _probe(program, rows, examples, n_classes)
                program.load(weights, head)
                score = _note_probe(history, rows, examples, held_out)
            else:
                trainer = program.trainer(
                    settings.optimizer,
                    layerwise=settings.layer_decay != 1,
                    l2_sp=settings.l2_sp > 0,
                )
                trainer.start(weight_decay=settings.weight_decay, state=optimizer_state)
                if settings.l2_sp > 0:
                    program.load(backbone.weights, head or fresh_head)
                    trainer.anchor()
                    program.load(weights, head or fresh_head)
                program.seed(rng)
                observer.stage_begin(program, settings.learning_rate)
                weights, head, score = train(
                    program,
                    trainer,
                    rows,
                    examples,
                    held_out,
                    settings,
                    _multipliers(program, settings),
                    epochs=stage.epochs,
                    stage=stage.name,
                    rng=rng,
                    history=history,
                    observer=observer,
                    first_step=steps_before + trainer.n_steps,
                )
                observer.stage_end()
                steps_before += trainer.n_steps
                state = trainer.state()
        if score is not None and (best is None or score >= best[0]):
            best = (score, weights, head)
    if best is not None:
        history.best_score, weights, head = best
    return Fit(list(weights), list(head), history, state)


def _probe(program, rows, examples, n_classes):
    features = np.concatenate(
        [rows.take(part)[0] for part in rows.chunks(np.arange(len(rows)), 1)]
    )
    head = solve_head(features, examples.y, examples.sample_weight, n_classes)
    return tuple(array.astype(program.dtype) for array in head)


def _note_probe(history, rows, examples, validation):
    entry = {"stage": "probe", "loss": evaluate(rows, examples)[0]}
    entry["learning_rate"] = 0.0
    if validation is not None:
        entry["val_loss"], entry["val_score"] = evaluate(*validation)
    history.epochs.append(entry)
    return entry.get("val_score")


def _multipliers(program, settings):
    head_rate = 1.0
    if settings.head_learning_rate is not None:
        rate = settings.learning_rate
        head_rate = settings.head_learning_rate / float(
            rate(0) if callable(rate) else rate
        )
    return rate_multipliers(
        len(program.trained) - 1,
        backbone_rate=1.0,
        head_rate=head_rate,
        layer_decay=settings.layer_decay,
    )
