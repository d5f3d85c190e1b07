"""Recipes: the order in which weights are trained."""

from dataclasses import dataclass, field

import numpy as np

from sktransfer.backbones.backbone import Backbone
from sktransfer.exceptions import NonFiniteLossError
from sktransfer.training.loop import History, evaluate, train
from sktransfer.training.plan.planned_rate import plan_rates
from sktransfer.training.plan.trained_variables import check_choice, choose_variables
from sktransfer.training.step.linear_probe import fresh_head, solve_head
from sktransfer.training.step.mixup import check_mixing
from sktransfer.training.step.program_cache import get_program
from sktransfer.training.step.trainer_cache import get_trainer
from sktransfer.training.store.samples import RowFeatures

_GRADUAL_STAGES = 4
# Rows of the training set whose loss is told in context.
_TOLD_ROWS = 192


@dataclass(frozen=True)
class Stage:
    """One step of a recipe.

    Attributes
    ----------
    name : str
        "in_context", "probe", "head" or "fine_tune".
    depth : int
        Frozen depth of the stage.
    epochs : int
        Greatest number of epochs; 0 for a probe, which is solved, and in context,
        where nothing is trained.
    """

    name: str
    depth: int
    epochs: int


def plan(recipe, *, depth, n_layers, epochs, pretrained, has_head):
    """List the stages of a recipe.

    A network that has learned nothing has no features to probe or to protect, so
    it is trained in full by every recipe but "linear_probe". A head that is already
    there is not probed anew: "linear_probe" trains it on the frozen features.

    Parameters
    ----------
    recipe : str
        "in_context", "linear_probe", "full", "lp_ft" or "gradual".
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
    if recipe == "in_context":
        return [Stage("in_context", n_layers, 0)]
    if recipe == "linear_probe":
        return [
            Stage("head", n_layers, epochs) if has_head else Stage("probe", n_layers, 0)
        ]
    if recipe == "full" or not pretrained:
        return [Stage("fine_tune", depth, epochs)]
    if recipe == "lp_ft":
        stages = [] if has_head else [Stage("probe", n_layers, 0)]
        if depth < n_layers or has_head:
            stages.append(Stage("fine_tune", depth, epochs))
        return stages
    n_stages = min(_GRADUAL_STAGES, n_layers - depth + 1, epochs)
    depths = np.linspace(depth, n_layers, n_stages).round().astype(int)[::-1]
    shares = np.diff(np.linspace(0, epochs, n_stages + 1).round().astype(int))
    return [
        Stage("head" if d == n_layers else "fine_tune", int(d), int(share))
        for d, share in zip(depths, shares, strict=True)
    ]


@dataclass
class Fit:
    """What fine-tuning gives.

    Attributes
    ----------
    backbone : Backbone
        What was trained, with the weights that it had before.
    weights : list of ndarray
        Of the whole backbone.
    head : list of two ndarrays
        Kernel and bias.
    history : History
    start_head : tuple of two ndarrays
        The head before the first gradient step: that of a probe, where there was one.
    optimizer_state : list of list of ndarray or None
        For going on with the last stage.
    attributes : dict
        What an adaptation method found out, by the name of the fitted attribute.
    """

    backbone: Backbone
    weights: list
    head: list
    history: History
    start_head: tuple
    optimizer_state: list | None = None
    attributes: dict = field(default_factory=dict)


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
    from_scratch=False,
    folder=None,
    optimizer_state=None,
    alignment=None,
):
    """Run the stages of a recipe.

    Parameters
    ----------
    backbone : Backbone
        Starting weights.
    head : tuple of two ndarrays or None
        Kernel and bias to start from; None starts from a fresh head.
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
        Source of a random head, the shuffles and the random layers.
    observer : Observer
        Told of each epoch.
    from_scratch : bool, default=False
        Whether batch normalization learns its statistics.
    folder : str or None
        Where prefix outputs are kept on disk.
    optimizer_state : list of list of ndarray or None
        State of an earlier call to go on from.
    alignment : Alignment or None, default=None
        What is done with rows of the target in the stages with gradient steps.

    Returns
    -------
    Fit
    """
    history, state, best = History(), None, None
    weights = backbone.weights
    head = head or fresh_head(
        backbone.n_features_out, n_classes, pretrained=backbone.pretrained, rng=rng
    )
    depth, n_steps = stages[-1].depth, 0

    def program_at(depth):
        return get_program(backbone, depth, n_classes, dtype, from_scratch=from_scratch)

    check_choice(program_at(depth), settings.tune)
    check_mixing(settings, alignment)
    n_epochs = sum(stage.epochs for stage in stages)
    settings = plan_rates(settings, n_epochs * -(-len(examples) // settings.batch_size))
    start_head = head
    for stage in stages:
        program = program_at(stage.depth)
        with program.held():
            program.load(weights, head)
            rows = RowFeatures(examples, program, folder)
            held_out = None
            if validation is not None:
                held_out = (RowFeatures(validation, program, folder), validation)
            if stage.epochs == 0:
                if stage.name == "probe":
                    head = _probe(rows, examples, n_classes, dtype)
                    program.load(weights, head)
                    start_head = head
                elif len(examples) > _TOLD_ROWS:
                    # All of them would take as long as the context itself.
                    some = np.linspace(0, len(examples) - 1, _TOLD_ROWS).astype(int)
                    examples = examples.part(some)
                    rows = RowFeatures(examples, program)
                score = _note(history, stage.name, rows, examples, held_out)
                stage_best = None if score is None else (score, weights, head)
            else:
                trainer = get_trainer(
                    program,
                    settings,
                    len(examples),
                    layers=choose_variables(program, settings.tune, depth),
                    method=alignment and alignment.method,
                    target_only=alignment is not None and alignment.target_only,
                )
                if alignment is not None:
                    alignment.stage_begin(program, trainer, folder)
                if settings.l2_sp > 0:
                    program.load(backbone.weights, head)
                    trainer.anchor()
                    program.load(weights, head)
                program.seed(rng)
                trainer.start(
                    rng, weight_decay=settings.weight_decay, state=optimizer_state
                )
                observer.stage_begin(program, settings.learning_rate)
                stage_best = train(
                    program,
                    trainer,
                    rows,
                    examples,
                    held_out,
                    settings,
                    epochs=stage.epochs,
                    stage=stage.name,
                    rng=rng,
                    history=history,
                    observer=observer,
                    first_step=n_steps + trainer.optimizer.n_steps,
                    alignment=alignment,
                )
                if alignment is not None:
                    alignment.stage_end(trainer)
                observer.stage_end()
                # Callbacks may have put other weights back.
                program.changed()
                weights, head = program.read()
                _check_finite(program, rows, settings)
                n_steps += trainer.optimizer.n_steps
                state = trainer.state()
        if stage_best is not None and (best is None or stage_best[0] >= best[0]):
            best = stage_best
        if observer.stopped:
            break
    if best is not None:
        history.best_score, weights, head = best
    return Fit(backbone, list(weights), list(head), history, start_head, state)


def _probe(rows, examples, n_classes, dtype):
    head = solve_head(rows.features(), examples.y, examples.sample_weight, n_classes)
    return tuple(array.astype(dtype) for array in head)


def _note(history, stage, rows, examples, validation):
    entry = {"stage": stage, "loss": evaluate(rows, examples)[0]}
    entry["learning_rate"] = 0.0
    if validation is not None:
        entry["val_loss"], entry["val_score"] = evaluate(*validation)
    history.epochs.append(entry)
    return entry.get("val_score")


def _check_finite(program, rows, settings):
    """Raise NonFiniteLossError when the last step left a network of no use."""
    some = rows.take(slice(0, program.rows_per_call))
    if not np.isfinite(program.logits(some)).all():
        raise NonFiniteLossError(
            "The scores of the trained network are NaN or infinite with "
            f"learning_rate={settings.learning_rate!r}. Use a smaller learning_rate, "
            "and check that X is scaled as the backbone expects."
        )
