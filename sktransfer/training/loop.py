"""Epochs: shuffling, validation, early stopping and callbacks."""

from dataclasses import dataclass, field

import numpy as np

from sktransfer.exceptions import NonFiniteLossError
from sktransfer.training.step.mixup import make_mixing
from sktransfer.training.step.optimizers import group_rates, step_rates

_ROWS_AT_ONCE = 1 << 20


@dataclass
class Settings:
    """Training parameters; their meaning is TransferClassifier's and Recipe's."""

    learning_rate: object
    optimizer: dict
    head_learning_rate: float | None = None
    layer_decay: float = 1.0
    weight_decay: float = 0.0
    l2_sp: float = 0.0
    label_smoothing: float = 0.0
    tune: str = "all"
    lora_rank: int = 4
    schedule: str = "constant"
    warm_up: float = 0.0
    mixup_alpha: float = 0.0
    batch_size: int = 32
    epochs: int = 50
    n_iter_no_change: int = 10
    tol: float = 1e-4
    verbose: int = 0


@dataclass
class History:
    """What happened in each epoch, over all stages of a recipe.

    Attributes
    ----------
    epochs : list of dict
        Keys stage, loss, learning_rate and, with a validation set, val_loss and
        val_score.
    best_score : float or None
        Greatest validation score; it is that of the weights that are kept.
    """

    epochs: list = field(default_factory=list)
    best_score: float | None = None


class Patience:
    """Tells when a value has stopped improving."""

    def __init__(self, tol, n_iter_no_change):
        self._tol, self._allowed = tol, n_iter_no_change
        self.best, self._waited = -np.inf, 0

    def update(self, value):
        """Note a value; return whether it is the best so far."""
        self._waited = 0 if value > self.best + self._tol else self._waited + 1
        improved = value > self.best
        self.best = max(self.best, value)
        return improved

    @property
    def n_sure(self):
        """How many more values there will be, whatever they are."""
        return self._allowed + 1 - self._waited

    @property
    def exhausted(self):
        """Whether more than the allowed number of values did not improve."""
        return self._waited > self._allowed


def train(
    program,
    trainer,
    rows,
    examples,
    validation,
    settings,
    *,
    epochs,
    stage,
    rng,
    history,
    observer,
    first_step=0,
    alignment=None,
):
    """Train the suffix and head of a loaded program.

    Parameters
    ----------
    program : Program
        Loaded with the starting weights; its lock is held by the caller.
    trainer : Trainer
        Of that program, started.
    rows : RowFeatures
        Prefix outputs of the training rows.
    examples : Examples
        Training rows.
    validation : tuple of (RowFeatures, Examples) or None
        Rows to score after each epoch; the best weights are then restored.
    settings : Settings
        Training parameters.
    epochs : int
        Greatest number of epochs.
    stage : str
        Name of the stage in the history.
    rng : numpy.random.Generator
        Source of the shuffles.
    history : History
        Gets one entry an epoch.
    observer : Observer
        Told of each epoch; may ask to stop.
    first_step : int, default=0
        Where a learning-rate schedule starts.
    alignment : Alignment or None, default=None
        What is done with rows of the target. All epochs are then run, unless a
        validation set or a callback ends them: the method's schedule is made for them,
        and its loss need not fall.

    Returns
    -------
    tuple of (score, weights, head) or None
        With a validation set, the best score and weights, as :meth:`Program.read`
        gives them; the last ones are in the program.

    Raises
    ------
    NonFiniteLossError
        When the loss becomes NaN or infinite.
    """
    n = len(examples)
    batch_size = min(settings.batch_size, n)
    counts = np.minimum(batch_size, n - np.arange(0, n, batch_size))
    n_batches, width = len(counts), trainer.batch_rows(batch_size)
    filled = n_batches * width
    weight = examples.sample_weight / examples.sample_weight.mean()
    patience = Patience(settings.tol, settings.n_iter_no_change)
    mixing = make_mixing(settings.mixup_alpha, program, rng)
    watched = observer.is_watching or validation is not None
    if alignment is not None:
        watched = watched or alignment.watches
    best, epoch, done = None, 0, False
    while epoch < epochs and not done:
        observer.epoch_begin()
        # As many epochs at once as nothing can happen between.
        many = 1 if watched else max(1, _ROWS_AT_ONCE // n)
        if alignment is None:
            many = min(many, patience.n_sure)
        many = min(many, epochs - epoch)
        order = np.concatenate(
            [np.resize(rng.permutation(n), filled) for _ in range(many)]
        )
        is_row = np.tile(np.arange(filled) < n, many)
        planned = first_step + epoch * n_batches, many * n_batches
        rates = observer.rate_factor * step_rates(settings.learning_rate, *planned)
        head_rate = settings.head_learning_rate
        of_groups = group_rates(
            rates,
            len(program.trained) - 1,
            head_rate=None if head_rate is None else step_rates(head_rate, *planned),
            layer_decay=settings.layer_decay,
        )
        if alignment is not None:
            alignment.begin(program, many, n_batches, width)
        of_batches, results, step = np.tile(counts, many), [], 0
        for chunk in rows.chunks(order, width):
            steps = slice(step, step + len(chunk) // width)
            results.append(
                trainer.steps(
                    *mixing(
                        rows.take(chunk),
                        examples.y[chunk],
                        weight[chunk] * is_row[step * width :][: len(chunk)],
                        of_batches[steps],
                    ),
                    of_batches[steps],
                    of_groups[steps],
                    label_smoothing=settings.label_smoothing,
                    l2_sp=settings.l2_sp,
                    **({} if alignment is None else alignment.of_steps(steps, width)),
                )
            )
            step = steps.stop
        told = np.concatenate(results, dtype=np.float64)
        told = told.reshape(many, n_batches, -1).sum(axis=1)
        last_rates = rates[n_batches - 1 :: n_batches]
        with trainer.averages.shown():
            for of_epoch, rate in zip(told, last_rates, strict=True):
                epoch += 1
                loss = of_epoch[0] / n
                entry = {"stage": stage, "loss": loss, "learning_rate": float(rate)}
                of_method = of_epoch[1:] / n_batches
                entry |= zip(trainer.metrics, of_method.tolist(), strict=True)
                if alignment is not None and alignment.target_only:
                    entry["loss"] = entry.pop("alignment_loss")
                if not np.isfinite(of_epoch).all():
                    raise _not_finite(of_epoch.sum(), epoch, settings)
                if validation is not None:
                    entry["val_loss"], entry["val_score"] = evaluate(*validation)
                history.epochs.append(entry)
                improved = patience.update(entry.get("val_score", -entry["loss"]))
                if validation is not None and improved:
                    best = program.read()
                done = observer.epoch_end(entry, program) or (
                    patience.exhausted and (alignment is None or validation is not None)
                )
    trainer.averages.keep()
    return None if best is None else (patience.best, *best)


def _not_finite(loss, epoch, settings):
    return NonFiniteLossError(
        f"The training loss became {loss} in epoch {epoch} with "
        f"learning_rate={settings.learning_rate!r}. Use a smaller learning_rate, and "
        "check that X is scaled as the backbone expects."
    )


def evaluate(rows, examples):
    """Return the weighted log loss and accuracy of a loaded program on rows."""
    logits = rows.logits().astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_proba = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    hit = log_proba[np.arange(len(examples)), examples.y]
    weight = examples.sample_weight
    return (
        -float(np.average(hit, weights=weight)),
        float(np.average(logits.argmax(axis=1) == examples.y, weights=weight)),
    )
