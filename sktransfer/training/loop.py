"""Epochs: shuffling, validation, early stopping and callbacks."""

import time
from dataclasses import dataclass

import numpy as np

from sktransfer.exceptions import NonFiniteLossError
from sktransfer.heads import evaluate
from sktransfer.training.plan.early_stopping import EarlyStopping
from sktransfer.training.step.mixup import make_mixing
from sktransfer.training.step.optimizers import group_rates, step_rates

_ROWS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class _Batches:
    """How the samples of an epoch are cut into batches.

    Attributes
    ----------
    n_samples : int
        Samples of an epoch.
    counts : ndarray of int
        Samples in each batch.
    width : int
        Samples that a batch takes up once it is filled.
    """

    n_samples: int
    counts: np.ndarray
    width: int

    @property
    def n_filled(self):
        """Samples of an epoch with those that fill batches."""
        return len(self.counts) * self.width


class EpochLoop:
    """Trains the suffix and head of a loaded program, epoch by epoch.

    Parameters
    ----------
    task : FitTask
        Its settings, head, observer and random generator are used.
    stage : Stage
        Its name and number of epochs.
    first_step : int
        Gradient steps of earlier stages, where a learning-rate schedule starts.
    alignment : Alignment or None
        Adds the loss of an adaptation method. All epochs are then run, unless a
        validation set or a callback stops them: the schedule of the method is planned
        for all epochs, and its loss need not fall.
    """

    def __init__(self, task, stage, first_step, alignment):
        self._task, self._stage, self._alignment = task, stage, alignment
        self._first_step = first_step
        settings = task.settings
        self._stopping = EarlyStopping(settings.tol, settings.n_iter_no_change)
        self.entries = []

    def run(self, program, trainer, rows, validation):
        """Train.

        Parameters
        ----------
        program : Program
            Held, and loaded with the starting weights.
        trainer : Trainer
            Of that program, started.
        rows : SampleFeatures
            Prefix outputs of the training set.
        validation : SampleFeatures or None
            Prefix outputs of the validation set, which is scored after each epoch.

        Returns
        -------
        tuple of (score, weights, head) or None
            With a validation set the best score and weights; the last ones are in the
            program.

        Raises
        ------
        NonFiniteLossError
            When the loss becomes NaN or infinite.
        """
        settings, observer = self._task.settings, self._task.observer
        batches = self._cut(rows.samples, trainer)
        mixing = make_mixing(
            settings.mixup_alpha, program, self._task.head, self._task.rng
        )
        watched = observer.is_watching or validation is not None
        if self._alignment is not None:
            watched = watched or self._alignment.watches
        best, done = None, False
        while len(self.entries) < self._stage.epochs and not done:
            observer.epoch_begin()
            start = time.perf_counter()
            n_epochs = self._n_epochs_at_once(watched, batches.n_samples)
            results, rates = self._steps(
                program, trainer, rows, batches, n_epochs, mixing
            )
            seconds = (time.perf_counter() - start) / n_epochs
            with trainer.averages_shown():
                for result, rate in zip(results, rates, strict=True):
                    entry = self._entry(result, rate, batches, trainer, seconds)
                    if validation is not None:
                        entry |= score(self._task, validation, program)
                    self.entries.append(entry)
                    value = entry.get("val_score", -entry["loss"])
                    if self._stopping.update(value) and validation is not None:
                        best = self._stopping.best, *program.read()
                    done = observer.epoch_end(entry, program) or (
                        self._stopping.should_stop
                        and (self._alignment is None or validation is not None)
                    )
        trainer.keep_averages()
        return best

    def _cut(self, samples, trainer):
        n = len(samples)
        size = min(self._task.settings.batch_size, n)
        counts = np.minimum(size, n - np.arange(0, n, size))
        return _Batches(n, counts, trainer.padded_batch_size(size))

    def _n_epochs_at_once(self, watched, n_samples):
        """Return the number of epochs between which nothing can happen."""
        n = 1 if watched else max(1, _ROWS_AT_ONCE // n_samples)
        if self._alignment is None:
            n = min(n, self._stopping.n_certain)
        return min(n, self._stage.epochs - len(self.entries))

    def _steps(self, program, trainer, rows, batches, n_epochs, mixing):
        """Run the gradient steps of some epochs.

        Returns
        -------
        results : ndarray of shape (n_epochs, n_results)
            Sums over the batches of each epoch.
        rates : ndarray of shape (n_epochs,)
            Learning rate of the last step of each epoch.
        """
        samples, rng, settings = rows.samples, self._task.rng, self._task.settings
        n, n_batches, width = batches.n_samples, len(batches.counts), batches.width
        order = np.concatenate(
            [np.resize(rng.permutation(n), batches.n_filled) for _ in range(n_epochs)]
        )
        is_sample = np.tile(np.arange(batches.n_filled) < n, n_epochs)
        weight = samples.sample_weight / samples.sample_weight.mean()
        rates, rates_by_group = self._rates(program, n_epochs, n_batches)
        if self._alignment is not None:
            self._alignment.begin(program, n_epochs, n_batches, width)
        counts, results, step = np.tile(batches.counts, n_epochs), [], 0
        for chunk in rows.chunks(order, width):
            steps = slice(step, step + len(chunk) // width)
            arrays = mixing(
                rows.take(chunk),
                samples.y[chunk],
                weight[chunk] * is_sample[step * width :][: len(chunk)],
                counts[steps],
            )
            features, y, chunk_weight = arrays
            target, strengths = [], None
            if self._alignment is not None:
                target, strengths = self._alignment.steps(steps, width)
            results.append(
                trainer.steps(
                    [y, chunk_weight, *features, *target],
                    counts[steps],
                    rates_by_group[steps],
                    strengths=strengths,
                    smoothing=settings.label_smoothing,
                    l2_sp=settings.l2_sp,
                )
            )
            step = steps.stop
        results = np.concatenate(results, dtype=np.float64)
        return (
            results.reshape(n_epochs, n_batches, -1).sum(axis=1),
            rates[n_batches - 1 :: n_batches],
        )

    def _rates(self, program, n_epochs, n_batches):
        """Return the learning rates of some epochs: of each step, and by group."""
        settings = self._task.settings
        first = self._first_step + len(self.entries) * n_batches
        planned = first, n_epochs * n_batches
        factor = self._task.observer.rate_factor
        rates = factor * step_rates(settings.learning_rate, *planned)
        head_rate = settings.head_learning_rate
        return rates, group_rates(
            rates,
            len(program.trained) - 1,
            head_rate=None if head_rate is None else step_rates(head_rate, *planned),
            layer_decay=settings.layer_decay,
        )

    def _entry(self, result, rate, batches, trainer, seconds):
        """Make the entry of an epoch in the history."""
        loss_sum, correct_sum, *metric_sums = result.tolist()
        entry = {
            "stage": self._stage.name,
            "loss": loss_sum / batches.n_samples,
            "accuracy": correct_sum / batches.n_samples,
            "learning_rate": float(rate),
            "seconds": seconds,
        }
        for name, value in zip(trainer.metrics, metric_sums, strict=True):
            entry[name] = value / len(batches.counts)
        if self._alignment is not None and self._alignment.target_only:
            entry["loss"] = entry.pop("alignment_loss")
            del entry["accuracy"]
        if not np.isfinite(result).all():
            rate = self._task.settings.learning_rate
            raise NonFiniteLossError(
                f"The training loss became {result.sum()} in epoch "
                f"{len(self.entries) + 1} with learning_rate={rate!r}. Use a smaller "
                "learning_rate, and check that X is scaled as the backbone expects."
            )
        return entry


def score(task, rows, program):
    """Score a loaded program on a validation set.

    Returns
    -------
    dict
        val_loss, val_accuracy, and val_score, which early stopping maximizes.
    """
    samples = rows.samples
    loss, accuracy = evaluate(
        task.head, rows.logits(), samples.y, samples.sample_weight
    )
    value = {"loss": -loss, "accuracy": accuracy}.get(task.settings.scoring)
    if value is None:
        value = float(task.scorer(program, samples))
    return {"val_loss": loss, "val_accuracy": accuracy, "val_score": value}
