"""Fine-tuning by the stages of a recipe."""

import numpy as np

from sktransfer._task import FitResult
from sktransfer.exceptions import NonFiniteLossError
from sktransfer.heads import evaluate
from sktransfer.training.loop import EpochLoop, score
from sktransfer.training.plan.planned_rate import plan_rates
from sktransfer.training.plan.trained_variables import (
    check_trained_variables,
    choose_variables,
)
from sktransfer.training.step.mixup import check_mixup
from sktransfer.training.step.probe import new_head
from sktransfer.training.step.program_cache import get_program, get_trainer
from sktransfer.training.store.samples import SampleFeatures


def fine_tune(task, stages, alignment=None, title=None):
    """Train a network by the stages of a recipe.

    Parameters
    ----------
    task : FitTask
        The fit.
    stages : list of Stage
        Stages of the recipe.
    alignment : Alignment or None, default=None
        Adds the loss of an adaptation method to the gradient steps.
    title : str or None, default=None
        Line before the progress bar.

    Returns
    -------
    FitResult
    """
    fine_tuning = _FineTuning(task, stages, alignment)
    task.observer.training_begin(sum(stage.epochs for stage in stages), title)
    try:
        return fine_tuning.run()
    finally:
        task.observer.training_end()


class _FineTuning:
    """Runs stages and keeps weights, history and best score between them."""

    def __init__(self, task, stages, alignment):
        self._stages, self._alignment = stages, alignment
        self._depth = stages[-1].depth
        check_trained_variables(self._program(task, self._depth), task.settings.tune)
        check_mixup(task.settings, alignment)
        n_epochs = sum(stage.epochs for stage in stages)
        n_batches = -(-len(task.samples) // task.settings.batch_size)
        settings = plan_rates(task.settings, n_epochs * n_batches)
        self._task = task.replace(settings=settings)
        self._weights = task.backbone.weights
        self._head = task.head_weights or new_head(
            task.backbone.n_features_out,
            task.head.n_units,
            pretrained=task.backbone.pretrained,
            rng=task.rng,
        )
        self._start_head = self._head
        self._history, self._best, self._state = [], None, None
        self._n_steps = 0

    @staticmethod
    def _program(task, depth):
        return get_program(
            task.backbone,
            depth,
            task.head.n_units,
            task.dtype,
            from_scratch=task.from_scratch,
        )

    def run(self):
        """Run all stages."""
        task = self._task
        for stage in self._stages:
            program = self._program(task, stage.depth)
            with program.hold():
                program.load(self._weights, self._head)
                rows = SampleFeatures(task.samples, program, task.folder)
                validation = None
                if task.validation is not None:
                    validation = SampleFeatures(task.validation, program, task.folder)
                run_stage = self._train if stage.epochs else self._probe
                best = run_stage(stage, program, rows, validation)
            if best is not None and (self._best is None or best[0] >= self._best[0]):
                self._best = best
            if task.observer.stopped:
                break
        best_score = None
        if self._best is not None:
            best_score, self._weights, self._head = self._best
            if self._state is not None and any(self._state[1:]):
                # Low-rank updates and averages have the last weights, not the best.
                self._state = None
        return FitResult(
            task.backbone,
            list(self._weights),
            list(self._head),
            self._history,
            task.start(self._start_head),
            best_score,
            self._state,
        )

    def _probe(self, stage, program, rows, validation):
        """Solve the head on the frozen features."""
        task, samples = self._task, rows.samples
        solved = task.head.solve(
            rows.features(), samples.y, samples.sample_weight, task.settings.probe_C
        )
        self._head = tuple(array.astype(task.dtype) for array in solved)
        self._start_head = self._head
        program.load(self._weights, self._head)
        loss, accuracy = evaluate(
            task.head, rows.logits(), samples.y, samples.sample_weight
        )
        entry = {"stage": stage.name, "loss": loss, "accuracy": accuracy}
        entry["learning_rate"] = 0.0
        if validation is not None:
            entry |= score(task, validation, program)
        self._history.append(entry)
        if validation is None:
            return None
        return entry["val_score"], self._weights, self._head

    def _train(self, stage, program, rows, validation):
        """Train by gradient steps; return the result of the loop over epochs."""
        task, alignment = self._task, self._alignment
        settings = task.settings
        layers = choose_variables(program, settings.tune, self._depth)
        trainer = get_trainer(program, task, layers, alignment)
        if alignment is not None:
            alignment.stage_begin(program, trainer, task.folder)
        if settings.l2_sp > 0:
            program.load(task.backbone.weights, self._head)
            trainer.anchor()
            program.load(self._weights, self._head)
        program.seed(task.rng)
        trainer.start(
            task.rng, weight_decay=settings.weight_decay, state=task.optimizer_state
        )
        first_step = self._n_steps + trainer.optimizer.n_steps
        loop = EpochLoop(task, stage, program, trainer, rows, alignment, first_step)
        is_last = stage is self._stages[-1]
        with task.observer.stage(program, task, is_last=is_last):
            best = loop.run(validation)
            self._history += loop.entries
            if alignment is not None:
                alignment.stage_end(trainer)
        # Callbacks may have changed the weights.
        program.mark_changed()
        self._weights, self._head = program.read()
        _check_finite(program, rows, settings)
        self._n_steps += trainer.optimizer.n_steps
        self._state = trainer.state()
        return best


def _check_finite(program, rows, settings):
    """Raise NonFiniteLossError if logits are NaN or infinite after the last step."""
    outputs = rows.take(slice(0, program.samples_per_call))
    if not np.isfinite(program.logits(outputs)).all():
        raise NonFiniteLossError(
            "The logits of the trained network are NaN or infinite with "
            f"learning_rate={settings.learning_rate!r}. Use a smaller learning_rate, "
            "and check that X is scaled as the backbone expects."
        )
