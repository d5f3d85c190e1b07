"""Learning in context: the table network predicts from labeled samples."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sktransfer._inputs.samples import shape_rows
from sktransfer._large_arrays import take_rows
from sktransfer._task import FitResult
from sktransfer._warnings import warn_user
from sktransfer.heads import evaluate
from sktransfer.learners.validation import split_validation

# In fine-tuning, a batch has about the number of samples divided by this. The network
# predicts its labels from the other samples.
_SAMPLES_PER_QUERY = 4
# The other samples of a step are at most so many; a step takes their number squared.
_TUNING_ROWS = 512
# With more samples, a random part of this size is used.
_MAX_ROWS = 50_000
# Greatest sum of the weights, and smallest ratio to the greatest one.
_MAX_WEIGHT, _MIN_WEIGHT = 1e6, 1e-12
# Temperatures of the softmax for up to so many classes: the network is not sure enough
# by itself, the less so with many classes. Chosen by tables for choosing. Above 10
# classes, it was right on synthetic tables.
_TEMPERATURES = {3: 0.9, 10: 0.8, np.inf: 1.0}
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
        from sktransfer.tables.in_context.canonical import standardize_columns
        from sktransfer.tables.in_context.context import make_context

        task = _limit_rows(task)
        self._standardization = standardize_columns(task.samples)
        self._sample_shape = task.samples.X.shape[1:]
        if np.isinf(self._standardization.scale).all():
            warn_user(
                "No column of X varies, so that all samples get the same probabilities."
            )
        task = _prepare(task, self._standardization)
        context = make_context(
            task.samples,
            task.head.n_units,
            task.rng,
            is_target=task.is_target,
            n_estimators=task.n_estimators,
            nominal=task.nominal,
        )
        head = task.head_weights or _scores_head(task)
        predictor = self._predictor(context, task)
        if task.order == "in_context":
            return _store_context(task, predictor, head)
        return self._fine_tune(task, predictor, head)

    def snapshot(self, task, program):
        """Return weights, head and predictor for the current state of a program."""
        from sktransfer.tables.in_context.context import without_context

        weights, head = program.read()
        predictor = self._predictor(self._context, task)
        return without_context(weights), head, predictor

    def _predictor(self, context, task):
        return ContextPredictor(
            context, task.dtype, self._standardization, self._sample_shape
        )

    def _fine_tune(self, task, final_predictor, head):
        """Fine-tune the network.

        In each step, the network predicts the labels of a batch from other labeled
        samples, in one view. The final context also has the validation set.
        """
        from sktransfer.tables.in_context.context import (
            make_context,
            with_context,
            without_context,
        )
        from sktransfer.training.fine_tune import fine_tune
        from sktransfer.training.plan.stages import plan_task

        settings, network = task.settings, task.backbone
        start_weights = task.start(head)
        if settings.early_stopping and task.validation is None:
            task = split_validation(task)
        # Scores must not see the labels of the validation set in the context.
        self._context = make_context(
            task.samples,
            task.head.n_units,
            task.rng,
            n_views=1,
            max_rows=_TUNING_ROWS,
        )
        # A multiple of 8: folds of nearly the same size share a compiled program.
        n_queries = 8 * -(-len(task.samples) // (8 * _SAMPLES_PER_QUERY))
        n_queries = min(n_queries, max(1, len(task.samples) // 2), _TUNING_ROWS)
        batch_size = min(settings.batch_size, n_queries)
        task = task.replace(
            head_weights=head,
            backbone=with_context(task.backbone, self._context),
            settings=settings.replace(batch_size=batch_size),
        )
        stages = plan_task(task)
        task.observer.fit_begin(sum(stage.epochs for stage in stages))
        result = fine_tune(task, stages)
        return result.replace(
            backbone=network,
            start_weights=start_weights,
            weights=without_context(result.weights),
            predictor=final_predictor,
            attributes={"context": final_predictor.context},
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
    standardization : Standardization
        Standardization of the columns of the labeled samples.
    sample_shape : tuple
        Shape of a sample.
    """

    context: Any
    dtype: str
    standardization: Any
    sample_shape: tuple

    def prepare(self, backbone, X, name="X"):
        """Return samples as the network sees them; as in :class:`StepsPredictor`."""
        X = shape_rows(X, self.sample_shape, name)
        return self.standardization.transform(X.reshape(len(X), -1))

    def logits(self, backbone, X, folder=None):
        """Compute the logits of samples; see :meth:`StepsPredictor.logits`."""
        from sktransfer.tables.in_context.predict import class_scores

        scores = class_scores(backbone, self.context, X, self.dtype)
        kernel, bias = (array.astype(scores.dtype) for array in backbone.head)
        return (scores @ kernel + bias).astype(np.float64)

    def to_keras(self, backbone, head):
        """Build the whole network; see :meth:`StepsPredictor.to_keras`."""
        from sktransfer.tables.in_context.context import with_context
        from sktransfer.tables.in_context.in_context import match_labeled

        network = with_context(backbone, self.context).build(dtype=self.dtype)
        n_columns = network.input_shape[-1]
        labeled = self.context.x[..., :n_columns].reshape(-1, n_columns)
        tolerance = self.standardization.rounding(np.float32)
        network = match_labeled(network, labeled, tolerance)
        model = self.standardization.before(network, self.sample_shape)
        return head.append_to(model, backbone.head)


def _limit_rows(task):
    """Return the task with a random part of its samples, if there are very many."""
    samples = task.samples
    if len(samples) <= _MAX_ROWS:
        return task
    from sktransfer.tables.in_context.context import draw_rows

    chosen = np.sort(draw_rows(samples.y, _MAX_ROWS, task.rng))
    is_target = None if task.is_target is None else task.is_target[chosen]
    return task.replace(samples=samples.part(chosen), is_target=is_target)


def _prepare(task, standardization):
    """Return the task with the columns, the rows and the weights in canonical form.

    See :func:`_scale` for the weights.
    """
    from sktransfer.tables.in_context.canonical import sort_rows

    samples = _standardize(task.samples, standardization)
    order = sort_rows(samples)
    samples = samples.part(order)
    return task.replace(
        samples=samples.replace(sample_weight=_scale(samples.sample_weight)),
        validation=task.validation and _standardize(task.validation, standardization),
        is_target=None if task.is_target is None else task.is_target[order],
        nominal=np.flatnonzero(np.isin(standardization.columns, task.nominal)),
    )


def _scale(weight):
    """Return weights in a range that the network can compute with.

    If they sum to less than the number of samples, they are scaled to that number, and
    if they sum to more than a million, to a million. Otherwise 2 is a row twice.
    """
    # A sum of large weights may overflow.
    weight, unit = weight / weight.max(), weight.max()
    total = weight.sum()
    # Comparisons of quotients do not overflow.
    if unit < len(weight) / total:
        unit = len(weight) / total
    elif unit > _MAX_WEIGHT / total:
        unit = max(_MAX_WEIGHT, len(weight)) / total
    return unit * np.maximum(weight, _MIN_WEIGHT)


def _standardize(samples, standardization):
    X = samples.X.reshape(len(samples.X), -1)
    rows = standardization.transform(np.asarray(take_rows(X, samples.index)))
    return samples.replace(X=rows, index=np.arange(len(rows)))


def _scores_head(task):
    """Return the head whose logits are the class scores divided by a temperature."""
    n_units, temperature = task.head.n_units, task.softmax_temperature
    if temperature is None:
        temperature = next(t for n, t in _TEMPERATURES.items() if n_units <= n)
    return np.eye(n_units) / temperature, np.zeros(n_units)


def _store_context(task, predictor, head):
    """Return a result with the labeled samples; nothing is trained."""
    samples = task.samples
    if len(samples) > _LOSS_SAMPLES:
        chosen = np.linspace(0, len(samples) - 1, _LOSS_SAMPLES).astype(int)
        samples = samples.part(chosen)
    task.observer.fit_begin(0)
    backbone = task.backbone.replace(head=head)
    entry = _entry(task, predictor, backbone, samples)
    return FitResult(
        task.backbone,
        list(task.backbone.weights),
        list(head),
        [entry],
        [*task.backbone.weights, *head],
        predictor=predictor,
        attributes={"context": predictor.context},
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
