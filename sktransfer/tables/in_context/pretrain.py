"""Train the tabular network on tables of the prior.

    python -m sktransfer.tables.in_context.pretrain --out FOLDER

FOLDER gets the weights, and a folder for each part of the training with its losses and
what is needed to go on: the same command again goes on where the last one was stopped.
"""

import argparse
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from sktransfer._random import preserve_random_state
from sktransfer.tables.in_context.network import make_network
from sktransfer.tables.in_context.prior import draw_tables

STEPS_AN_EPOCH = 250
_VALIDATION_SEED = 1_000_003
_N_VALIDATION = 512


class Budget(NamedTuple):
    """How large the network is and how long it is trained.

    Attributes
    ----------
    width, n_blocks, n_heads : int
        Of :func:`~sktransfer.tables.in_context.network.make_network`.
    n_epochs : int
        Number of epochs, of 250 steps each.
    n_noisy_epochs : int
        Number of those after them, in which tables may have twice the noise and the
        learning rate rises and falls once more. They are done twice, on other tables,
        and the weights at both ends averaged (Wortsman et al., "Model soups", ICML
        2022).
    n_tables : int
        Tables of 128 rows and 9 columns in a batch; of larger ones fewer.
    learning_rate : float
        The greatest one.
    """

    width: int
    n_blocks: int
    n_heads: int
    n_epochs: int
    n_noisy_epochs: int
    n_tables: int
    learning_rate: float


BUDGETS = {
    "cpu": Budget(64, 3, 4, 50, 12, n_tables=16, learning_rate=2e-3),
    "gpu": Budget(128, 6, 8, 600, 150, n_tables=64, learning_rate=1e-3),
}
_NOISE, _LATER_NOISE = 1.5, 3.0
_N_NOISY = 2
# A batch's contexts are of similar sizes, so that few of its keys are empty.
_CONTEXT_PARTS = 4
# Shapes of the tables of a batch, how often they come, and the tables' share of
# `n_tables`.
_SHAPES = (
    (0.50, 128, 9, 1.0),
    (0.15, 384, 9, 0.25),
    (0.20, 128, 18, 0.5),
    (0.15, 64, 30, 0.75),
)


def context_of(tables, rng, between=(0.0, 1.0)):
    """Hide the classes of the last rows of each table.

    Parameters
    ----------
    tables : Tables
        From the prior.
    rng : numpy.random.Generator
        Draws how many rows are in the context of each table.
    between : tuple of two floats, default=(0.0, 1.0)
        Bounds of that number: 0 is 8 rows, 1 is nine tenths of all, and what is between
        is so by its logarithm.

    Returns
    -------
    inputs : dict of ndarray
        Of the network.
    y : ndarray of shape (n_tables, n_rows), int32
        Class indices.
    weight : ndarray of shape (n_tables, n_rows), float32
        Of the rows in the loss: 1 for hidden ones whose class the context has; each
        table's sum to the same.
    """
    n_tables, n_rows = tables.y.shape
    low, high = 8 * (0.9 * n_rows / 8) ** np.array(between)
    n_context = np.exp(rng.uniform(np.log(low), np.log(high), n_tables))
    is_context = np.arange(n_rows) < n_context.astype(int)[:, None]
    shown = np.where(is_context, tables.y, -1)
    has = (shown[:, None, :] == np.arange(tables.y.max() + 1)[None, :, None]).any(2)
    weight = ~is_context & np.take_along_axis(has, tables.y, axis=1)
    weight = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1)
    shown = shown[:, : int(high)].astype(np.int32)
    log_weight = np.zeros(shown.shape, np.float32)
    inputs = {"x": tables.x, "y": shown, "log_weight": log_weight}
    return inputs, tables.y, (weight * n_rows).astype(np.float32)


class TableBatches(keras.utils.PyDataset):
    """Batches of tables; each is drawn by its own seed, whatever came before it.

    Parameters
    ----------
    seed, n_tables : int
        Seed, and tables of the smallest kind in a batch.
    warm_up : int
        Steps over which the prior becomes as hard as it is.
    n_epochs : int
        Epochs before those of more noise.
    """

    def __init__(self, seed, n_tables, warm_up, n_epochs):
        super().__init__(workers=1, use_multiprocessing=False)
        self.seed, self.n_tables, self.warm_up = seed, n_tables, warm_up
        self.n_epochs = n_epochs
        self.epoch = 0

    def __len__(self):
        return STEPS_AN_EPOCH

    def __getitem__(self, i):
        step = self.epoch * STEPS_AN_EPOCH + i
        rng = np.random.default_rng([self.seed, step])
        kind = rng.choice(len(_SHAPES), p=[shape[0] for shape in _SHAPES])
        part = rng.integers(_CONTEXT_PARTS)
        if i < 2:
            # From the first two batches Keras takes which sizes vary: all of them.
            kind, part = -i % len(_SHAPES), -i % _CONTEXT_PARTS
        _, n_rows, n_columns, share = _SHAPES[kind]
        tables = draw_tables(
            rng,
            max(int(share * self.n_tables), 1),
            n_rows,
            n_columns,
            hardness=min(step / self.warm_up, 1.0),
            most_noise=_NOISE if self.epoch < self.n_epochs else _LATER_NOISE,
        )
        between = (part / _CONTEXT_PARTS, (part + 1) / _CONTEXT_PARTS)
        return context_of(tables, rng, between)


class _Epochs(keras.callbacks.Callback):
    """Tell the batches which epoch it is, after a restart too."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch


@keras.saving.register_keras_serializable("sktransfer")
class WarmUpThenFall(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that grows, stays, and falls to nothing in the last part.

    Parameters
    ----------
    rate : float
        The greatest rate.
    n_steps : int
        All steps: it grows in the first 300, and falls in the last 30 percent.
    """

    def __init__(self, rate, n_steps):
        self.rate, self.n_steps = rate, n_steps

    def __call__(self, step):
        """Return the rate of a step."""
        step = ops.cast(step, "float32")
        rising = (step + 1) / 300
        falling = (self.n_steps - step) / (0.3 * self.n_steps)
        return self.rate * ops.clip(ops.minimum(rising, falling), 0.0, 1.0)

    def get_config(self):
        """Return the parameters."""
        return {"rate": self.rate, "n_steps": self.n_steps}


def validation_tables(n_tables=_N_VALIDATION):
    """Draw the tables that the network is judged by, which it is never trained on."""
    rng = np.random.default_rng(_VALIDATION_SEED)
    return context_of(draw_tables(rng, n_tables, 128, 9), rng)


def pretrain(folder, budget, *, seed=0, jit_compile=True, verbose=1):
    """Train a network, or go on training it.

    Parameters
    ----------
    folder : path-like
        For the weights, and what each part leaves.
    budget : Budget
        What to train, and for how long.
    seed : int, default=0
        Of the weights and of the tables; that of the second noisy part is 1 more.
    jit_compile : bool, default=True
        Whether XLA compiles the steps, which makes them twice as fast on CPUs.
    verbose : int, default=1
        1 shows a progress bar.

    Returns
    -------
    keras.Model
    """
    folder = Path(folder)
    options = {"jit_compile": jit_compile, "verbose": verbose}
    first = _train_part(folder / "first", None, budget, seed, **options)
    noisy = [
        _train_part(folder / f"noisy_{i}", first, budget, seed + i, **options)
        for i in range(_N_NOISY)
    ]
    model = _network(budget, seed)
    weights = []
    for path in noisy:
        model.load_weights(path)
        weights.append(model.get_weights())
    model.set_weights([np.mean(same, axis=0) for same in zip(*weights, strict=True)])
    path = folder / "tabular.weights.h5"
    _save(model, path)
    print(f"SHA-256 of {path}: {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return model


def _train_part(folder, first, budget, seed, *, jit_compile, verbose):
    """Train the first part, or a noisy one after it; return the path of its weights."""
    weights = folder / "tabular.weights.h5"
    if weights.exists():
        return weights
    folder.mkdir(parents=True, exist_ok=True)
    model = _network(budget, seed)
    start, stop = 0, budget.n_epochs
    if first is not None:
        model.load_weights(first)
        start, stop = stop, stop + budget.n_noisy_epochs
    _compile(model, budget.learning_rate, stop - start, jit_compile)
    warm_up = 0.1 * budget.n_epochs * STEPS_AN_EPOCH
    batches = TableBatches(seed, budget.n_tables, warm_up, budget.n_epochs)
    model.fit(
        batches,
        initial_epoch=start,
        epochs=stop,
        validation_data=validation_tables(),
        validation_batch_size=32,
        shuffle=False,
        verbose=verbose,
        callbacks=[
            keras.callbacks.BackupAndRestore(folder / "checkpoint"),
            _Epochs(batches),
            keras.callbacks.CSVLogger(folder / "losses.csv", append=True),
            keras.callbacks.ModelCheckpoint(
                folder / "last.weights.h5", save_weights_only=True
            ),
        ],
    )
    _save(model, weights)
    return weights


def _network(budget, seed):
    with preserve_random_state():
        keras.utils.set_random_seed(seed)
        return make_network(
            width=budget.width, n_blocks=budget.n_blocks, n_heads=budget.n_heads
        )


def _compile(model, learning_rate, n_epochs, jit_compile):
    model.compile(
        keras.optimizers.Muon(
            WarmUpThenFall(learning_rate, n_epochs * STEPS_AN_EPOCH),
            weight_decay=0.01,
            adam_weight_decay=0.01,
            exclude_layers=["scores"],
            global_clipnorm=1.0,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=jit_compile,
    )


def _save(model, path):
    # The state of the optimizer, which a compiled model saves too, is as large again.
    keras.Model(model.inputs, model.outputs).save_weights(path)


def main():
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--out", required=True, help="folder")
    add("--budget", choices=list(BUDGETS), default="cpu")
    add("--epochs", type=int, help="of the first part, in place of the budget's")
    add("--seed", type=int, default=0)
    options = parser.parse_args()
    budget = BUDGETS[options.budget]
    if options.epochs:
        budget = budget._replace(n_epochs=options.epochs)
    pretrain(options.out, budget, seed=options.seed)


if __name__ == "__main__":
    main()
