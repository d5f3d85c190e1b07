"""The loop over epochs: batches, validation, early stopping and callbacks."""

import time

import numpy as np

from sktransfer.exceptions import NonFiniteLossError
from sktransfer.heads import evaluate
from sktransfer.training.plan.early_stopping import EarlyStopping
from sktransfer.training.step.mixup import make_mixup
from sktransfer.training.step.optimizers import group_rates, step_rates

# Without reports, epochs with up to so many samples run in one go.
_SAMPLES_AT_ONCE = 1 << 20


class EpochLoop:
    """Trains the suffix and head of a loaded program, epoch by epoch.

    Parameters
    ----------
    task : FitTask
        The fit.
    stage : Stage
        Stage of the recipe.
    program : Program
        Held by the caller and loaded with the weights at the start.
    trainer : Trainer
        Trainer of the program, started by the caller.
    rows : SampleFeatures
        Prefix outputs of the training set.
    alignment : Alignment or None
        Adds the loss of an adaptation method. Its schedule is planned for all epochs
        and its loss may increase. So only a validation set or a callback stops early.
    first_step : int
        Number of gradient steps before, where a schedule of learning rates continues.

    Attributes
    ----------
    entries : list of dict
        History: one entry for each epoch.
    """

    def __init__(self, task, stage, program, trainer, rows, alignment, first_step):
        self._task, self._stage, self._alignment = task, stage, alignment
        self._program, self._trainer, self._rows = program, trainer, rows
        self._settings = settings = task.settings
        self._stopping = EarlyStopping(settings.tol, settings.n_iter_no_change)
        self._mix = make_mixup(settings.mixup_alpha, program, task.head, task.rng)
        n = len(rows.samples)
        size = min(settings.batch_size, n)
        # Number of samples in each batch, without and with padding.
        self._counts = np.minimum(size, n - np.arange(0, n, size))
        self._width = trainer.padded_batch_size(size)
        self._n_samples, self._first_step = n, first_step
        self.entries = []

    def run(self, validation):
        """Train for the epochs of the stage.

        Parameters
        ----------
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
        program, observer = self._program, self._task.observer
        alignment, has_validation = self._alignment, validation is not None
        is_reported = observer.is_used or has_validation
        if alignment is not None:
            is_reported = is_reported or alignment.relabels
        best, done = None, False
        while len(self.entries) < self._stage.epochs and not done:
            observer.epoch_begin()
            start = time.perf_counter()
            n_epochs = self._n_epochs_at_once(is_reported)
            results, rates = self._steps(n_epochs)
            seconds = (time.perf_counter() - start) / n_epochs
            with self._trainer.use_averages():
                for result, rate in zip(results, rates, strict=True):
                    entry = self._entry(result, rate, seconds)
                    if has_validation:
                        entry |= score(self._task, validation, program)
                    self.entries.append(entry)
                    value = entry.get("val_score", -entry["loss"])
                    if self._stopping.update(value) and has_validation:
                        best = self._stopping.best, *program.read()
                    done = observer.epoch_end(entry, program) or (
                        self._stopping.should_stop
                        and (alignment is None or has_validation)
                    )
        self._trainer.keep_averages()
        return best

    def _n_epochs_at_once(self, is_reported):
        """Return the number of epochs that can run without a report or a stop."""
        n = 1 if is_reported else max(1, _SAMPLES_AT_ONCE // self._n_samples)
        if self._alignment is None:
            n = min(n, self._stopping.n_epochs_left)
        return min(n, self._stage.epochs - len(self.entries))

    def _steps(self, n_epochs):
        """Run the gradient steps of some epochs.

        Returns
        -------
        results : ndarray of shape (n_epochs, n_results)
            Sums of the results of the batches.
        rates : ndarray of shape (n_epochs,)
            Learning rate of the last step of each epoch.
        """
        rows, samples, rng = self._rows, self._rows.samples, self._task.rng
        n, width, n_batches = self._n_samples, self._width, len(self._counts)
        n_padded = n_batches * width
        order = np.concatenate(
            [np.resize(rng.permutation(n), n_padded) for _ in range(n_epochs)]
        )
        is_sample = np.tile(np.arange(n_padded) < n, n_epochs)
        weight = samples.sample_weight / samples.sample_weight.mean()
        rates, rates_by_group = self._rates(n_epochs)
        if self._alignment is not None:
            self._alignment.begin(self._program, n_epochs, n_batches, width)
        counts, results, step = np.tile(self._counts, n_epochs), [], 0
        for chunk in rows.chunks(order, width):
            steps = slice(step, step + len(chunk) // width)
            features, y, chunk_weight = self._mix(
                rows.take(chunk),
                samples.y[chunk],
                weight[chunk] * is_sample[step * width :][: len(chunk)],
                counts[steps],
            )
            target, strengths = [], None
            if self._alignment is not None:
                target, strengths = self._alignment.steps(steps, width)
            results.append(
                self._trainer.steps(
                    [y, chunk_weight, *features, *target],
                    counts[steps],
                    rates_by_group[steps],
                    strengths=strengths,
                    smoothing=self._settings.label_smoothing,
                    l2_sp=self._settings.l2_sp,
                )
            )
            step = steps.stop
        results = np.concatenate(results, dtype=np.float64)
        return (
            results.reshape(n_epochs, n_batches, -1).sum(axis=1),
            rates[n_batches - 1 :: n_batches],
        )

    def _rates(self, n_epochs):
        """Return the learning rates of the steps of some epochs, and those by group."""
        settings, n_batches = self._settings, len(self._counts)
        first = self._first_step + len(self.entries) * n_batches
        planned = first, n_epochs * n_batches
        factor = self._task.observer.rate_factor
        rates = factor * step_rates(settings.learning_rate, *planned)
        head_rate = settings.head_learning_rate
        if head_rate is not None:
            head_rate = factor * step_rates(head_rate, *planned)
        return rates, group_rates(
            rates,
            len(self._program.trained) - 1,
            head_rate=head_rate,
            layer_decay=settings.layer_decay,
        )

    def _entry(self, result, rate, seconds):
        """Return the entry of an epoch for the history."""
        loss_sum, correct_sum, *metric_sums = result.tolist()
        entry = {
            "stage": self._stage.name,
            "loss": loss_sum / self._n_samples,
            "accuracy": correct_sum / self._n_samples,
            "learning_rate": float(rate),
            "seconds": seconds,
        }
        for name, value in zip(self._trainer.metrics, metric_sums, strict=True):
            entry[name] = value / len(self._counts)
        if self._alignment is not None and self._alignment.target_only:
            entry["loss"] = entry.pop("alignment_loss")
            del entry["accuracy"]
        if not np.isfinite(result).all():
            rate = self._settings.learning_rate
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
