"""Learning in context: the table network predicts from labeled samples."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sktransfer._task import FitResult
from sktransfer.heads import evaluate
from sktransfer.learners.validation import split_validation

# In fine-tuning, a batch has at most the number of samples divided by this. The network
# predicts its labels from the other samples.
_SAMPLES_PER_QUERY = 4
# The training loss is computed on at most so many samples, as it takes long.
_LOSS_SAMPLES = 192


class InContext:
    """Learner for the table network."""

    def fit(self, task):
        """Fit a task.

        Parameters
        ----------
        task : FitTask
            The fit; its backbone is the table network. The order "in_context" trains
            nothing, other orders fine-tune the network.

        Returns
        -------
        FitResult
            Its attribute `context` has the labeled samples in the views of the network.
            Predictions need it.
        """
        from sktransfer.tables.in_context.context import make_context

        context = make_context(
            task.samples,
            task.head.n_units,
            task.rng,
            is_target=task.is_target,
            nominal=task.nominal,
        )
        self._context = context
        head = task.head_weights or _identity(task.head.n_units)
        if task.order == "in_context":
            return _store_context(task, context, head)
        return self._fine_tune(task, context, head)

    def snapshot(self, task, program):
        """Return weights, head and predictor for the current state of a program."""
        from sktransfer.tables.in_context.context import without_context

        weights, head = program.read()
        predictor = ContextPredictor(self._context, task.dtype)
        return without_context(weights), head, predictor

    def _fine_tune(self, task, context, head):
        """Fine-tune the network, and keep it if the validation loss decreases.

        In each step, the network predicts the labels of a batch from the other labeled
        samples, in one view. The final context also has the validation set.
        """
        from sktransfer.tables.in_context.context import (
            make_context,
            with_context,
            without_context,
        )
        from sktransfer.training.fine_tune import fine_tune
        from sktransfer.training.plan.stages import plan_task

        if task.validation is None:
            task = split_validation(task)
        task = task.replace(head_weights=head)
        one_view = make_context(task.samples, task.head.n_units, task.rng, n_views=1)
        # Scores must not see the labels of the validation set in the context.
        self._context = one_view
        predictor = ContextPredictor(one_view, task.dtype)
        settings = task.settings
        stages = plan_task(task)
        n_epochs = sum(stage.epochs for stage in stages)
        task.observer.fit_begin(n_epochs, is_exact=False)
        start = task.backbone.replace(head=head)
        first = _entry(task, predictor, start, task.samples)
        before = _evaluate(task, predictor, start, task.validation)
        batch_size = min(
            settings.batch_size, max(1, len(task.samples) // _SAMPLES_PER_QUERY)
        )
        result = fine_tune(
            task.replace(
                backbone=with_context(task.backbone, one_view),
                validation=task.validation if settings.early_stopping else None,
                settings=settings.replace(batch_size=batch_size),
            ),
            stages,
        )
        task.observer.close()
        weights, tuned_head = without_context(result.weights), result.head
        tuned = task.backbone.replace(weights=weights, head=tuned_head)
        after = _evaluate(task, predictor, tuned, task.validation)
        history = [first, *result.history]
        for entry, (loss, accuracy) in ((history[0], before), (history[-1], after)):
            entry |= {"val_loss": loss, "val_accuracy": accuracy}
            score = {"loss": -loss, "accuracy": accuracy}.get(settings.scoring)
            entry.setdefault("val_score", score)
        best_score = result.best_score
        if not after[0] < before[0]:
            weights, tuned_head = list(task.backbone.weights), list(head)
            best_score = history[0]["val_score"] if settings.early_stopping else None
        return result.replace(
            best_score=best_score,
            backbone=task.backbone,
            start_weights=task.start(head),
            weights=weights,
            head=tuned_head,
            history=history,
            predictor=ContextPredictor(context, task.dtype),
            attributes={"context": context},
        )


@dataclass(frozen=True)
class ContextPredictor:
    """Computes the logits of samples from labeled samples.

    Attributes
    ----------
    context : Views
        The labeled samples.
    dtype : str
        Floating-point type of the computations.
    """

    context: Any
    dtype: str

    def logits(self, backbone, X, folder=None):
        """Compute the logits of samples; see :meth:`StepsPredictor.logits`."""
        from sktransfer.tables.in_context.predict import class_scores

        X = X.reshape(len(X), -1)
        scores = class_scores(backbone, self.context, X, self.dtype)
        kernel, bias = backbone.head
        if not _is_identity(kernel, bias):
            scores = scores @ kernel.astype(scores.dtype) + bias.astype(scores.dtype)
        return scores.astype(np.float64)


def _identity(n_units):
    """Return the head whose logits are the class scores."""
    return np.eye(n_units), np.zeros(n_units)


def _is_identity(kernel, bias):
    return np.array_equal(kernel, np.eye(len(kernel))) and not bias.any()


def _store_context(task, context, head):
    """Return a result with the labeled samples; nothing is trained."""
    samples = task.samples
    if len(samples) > _LOSS_SAMPLES:
        chosen = np.linspace(0, len(samples) - 1, _LOSS_SAMPLES).astype(int)
        samples = samples.part(chosen)
    predictor = ContextPredictor(context, task.dtype)
    task.observer.fit_begin(0)
    backbone = task.backbone.replace(head=head)
    entry = _entry(task, predictor, backbone, samples)
    task.observer.close()
    return FitResult(
        task.backbone,
        list(task.backbone.weights),
        list(head),
        [entry],
        [*task.backbone.weights, *head],
        predictor=predictor,
        attributes={"context": context},
    )


def _entry(task, predictor, backbone, samples):
    loss, accuracy = _evaluate(task, predictor, backbone, samples)
    return {
        "stage": "in_context",
        "loss": loss,
        "accuracy": accuracy,
        "learning_rate": 0.0,
    }


def _evaluate(task, predictor, backbone, samples):
    logits = predictor.logits(backbone, samples.X[samples.index])
    return evaluate(task.head, logits, samples.y, samples.sample_weight)
