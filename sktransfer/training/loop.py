"""The loop over epochs: batches, validation, early stopping and callbacks."""

import time
from dataclasses import dataclass

import numpy as np

from sktransfer.exceptions import NonFiniteLossError
from sktransfer.heads import evaluate
from sktransfer.training.plan.early_stopping import EarlyStopping
from sktransfer.training.step.mixup import make_mixup
from sktransfer.training.step.optimizers import group_rates, step_rates

# Without reports, epochs with up to so many samples run in one go.
_SAMPLES_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class _Batches:
    """Sizes of the batches of an epoch.

    Attributes
    ----------
    n_samples : int
        Number of samples in an epoch.
    counts : ndarray of int
        Number of samples in each batch.
    width : int
        Number of samples in each batch after padding.
    """

    n_samples: int
    counts: np.ndarray
    width: int

    @property
    def n_padded(self):
        """Number of samples in an epoch after padding."""
        return len(self.counts) * self.width


class EpochLoop:
    """Trains the suffix and head of a loaded program, epoch by epoch.

    Parameters
    ----------
    task : FitTask
        The fit.
    stage : Stage
        Stage of the recipe.
    first_step : int
        Number of gradient steps before, where a schedule of learning rates continues.
    alignment : Alignment or None
        Adds the loss of an adaptation method. Its schedule is planned for all epochs
        and its loss may increase. So only a validation set or a callback stops early.
    """

    def __init__(self, task, stage, first_step, alignment):
        self._task, self._stage, self._alignment = task, stage, alignment
        self._first_step = first_step
        settings = task.settings
        self._stopping = EarlyStopping(settings.tol, settings.n_iter_no_change)
        self.entries = []

    def run(self, program, trainer, rows, validation):
        """Train for the epochs of the stage.

        Parameters
        ----------
        program : Program
            Held by the caller and loaded with the weights at the start.
        trainer : Trainer
            Trainer of the program, started by the caller.
        rows : SampleFeatures
            Prefix outputs of the training set.
        validation : SampleFeatures or None
            Prefix outputs of the validation set.

        Returns
        -------
        tuple of (score, weights, head) or None
            With a validation set, the best score and the weights of that epoch. The
            program has the last weights.

        Raises
        ------
        NonFiniteLossError
            If the loss becomes NaN or infinite.
        """
        settings, observer = self._task.settings, self._task.observer
        batches = self._cut(rows.samples, trainer)
        mix = make_mixup(settings.mixup_alpha, program, self._task.head, self._task.rng)
        is_reported = observer.is_used or validation is not None
        if self._alignment is not None:
            is_reported = is_reported or self._alignment.relabels
        best, done = None, False
        while len(self.entries) < self._stage.epochs and not done:
            observer.epoch_begin()
            start = time.perf_counter()
            n_epochs = self._n_epochs_at_once(is_reported, batches.n_samples)
            results, rates = self._steps(program, trainer, rows, batches, n_epochs, mix)
            seconds = (time.perf_counter() - start) / n_epochs
            with trainer.use_averages():
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

    def _n_epochs_at_once(self, is_reported, n_samples):
        """Return the number of epochs that can run without a report or a stop."""
        n = 1 if is_reported else max(1, _SAMPLES_AT_ONCE // n_samples)
        if self._alignment is None:
            n = min(n, self._stopping.n_epochs_left)
        return min(n, self._stage.epochs - len(self.entries))

    def _steps(self, program, trainer, rows, batches, n_epochs, mix):
        """Run the gradient steps of some epochs.

        Returns
        -------
        results : ndarray of shape (n_epochs, n_results)
            Sums of the results of the batches.
        rates : ndarray of shape (n_epochs,)
            Learning rate of the last step of each epoch.
        """
        samples, rng, settings = rows.samples, self._task.rng, self._task.settings
        n, n_batches, width = batches.n_samples, len(batches.counts), batches.width
        order = np.concatenate(
            [np.resize(rng.permutation(n), batches.n_padded) for _ in range(n_epochs)]
        )
        is_sample = np.tile(np.arange(batches.n_padded) < n, n_epochs)
        weight = samples.sample_weight / samples.sample_weight.mean()
        rates, rates_by_group = self._rates(program, n_epochs, n_batches)
        if self._alignment is not None:
            self._alignment.begin(program, n_epochs, n_batches, width)
        counts, results, step = np.tile(batches.counts, n_epochs), [], 0
        for chunk in rows.chunks(order, width):
            steps = slice(step, step + len(chunk) // width)
            arrays = mix(
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
        """Return the learning rates of the steps of some epochs, and those by group."""
        settings = self._task.settings
        first = self._first_step + len(self.entries) * n_batches
        planned = first, n_epochs * n_batches
        factor = self._task.observer.rate_factor
        rates = factor * step_rates(settings.learning_rate, *planned)
        head_rate = settings.head_learning_rate
        if head_rate is not None:
            head_rate = factor * step_rates(head_rate, *planned)
        return rates, group_rates(
            rates,
            len(program.trained) - 1,
            head_rate=head_rate,
            layer_decay=settings.layer_decay,
        )

    def _entry(self, result, rate, batches, trainer, seconds):
        """Return the entry of an epoch for the history."""
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
    """Compute the scores of a loaded program on a validation set.

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
