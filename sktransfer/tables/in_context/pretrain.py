"""Train the table network on tables of the prior.

    python -m sktransfer.tables.in_context.pretrain --out FOLDER

The command writes the weights to FOLDER. Each part of the training has its own folder
in it, with losses and a checkpoint. After an interruption, the same command continues
the training.
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
    """Size of the network and length of the training.

    Attributes
    ----------
    width, n_blocks, n_heads : int
        Arguments of :func:`~sktransfer.tables.in_context.network.make_network`.
    n_epochs : int
        Number of epochs in the first part. An epoch has 250 steps.
    n_noisy_epochs : int
        Number of epochs in the second part, in which tables may have twice the noise.
        The learning rate rises and falls once more. This part runs twice, on different
        tables; the final weights are the average (Wortsman et al., "Model soups", ICML
        2022).
    n_tables : int
        Number of tables in a batch, for tables of 128 rows and 9 columns. Batches of
        larger tables have fewer.
    learning_rate : float
        Greatest learning rate.
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
# Greatest noise in the first and in the second part.
_MAX_NOISE, _MAX_NOISE_LATER = 1.5, 3.0
_N_NOISY_PARTS = 2
# The contexts of a batch have similar sizes, so that few keys are empty.
_N_CONTEXT_SIZES = 4
# Probability, number of rows, number of columns, and number of tables as a fraction of
# `n_tables`.
_SHAPES = (
    (0.50, 128, 9, 1.0),
    (0.15, 384, 9, 0.25),
    (0.20, 128, 18, 0.5),
    (0.15, 64, 30, 0.75),
)


def hide_classes(tables, rng, size_range=(0.0, 1.0)):
    """Hide the classes of the last rows of each table; the other rows are its context.

    Parameters
    ----------
    tables : Tables
        Tables from the prior.
    rng : numpy.random.Generator
        Draws the size of each table's context.
    size_range : tuple of two floats, default=(0.0, 1.0)
        Range of the size on a logarithmic scale: 0 is 8 rows, 1 is 90 percent of all
        rows.

    Returns
    -------
    inputs : dict of str to ndarray
        Inputs of the network.
    y : ndarray of shape (n_tables, n_rows), int32
        Class indices.
    weight : ndarray of shape (n_tables, n_rows), float32
        Weights of the rows in the loss. They are 0 for the context, and for rows whose
        class is not in it. All other rows of a table have the same weight, with a sum
        of n_rows.
    """
    n_tables, n_rows = tables.y.shape
    low, high = 8 * (0.9 * n_rows / 8) ** np.array(size_range)
    n_context = np.exp(rng.uniform(np.log(low), np.log(high), n_tables))
    is_context = np.arange(n_rows) < n_context.astype(int)[:, None]
    visible = np.where(is_context, tables.y, -1)
    classes = np.arange(tables.y.max() + 1)
    in_context = (visible[:, None, :] == classes[None, :, None]).any(axis=2)
    weight = ~is_context & np.take_along_axis(in_context, tables.y, axis=1)
    weight = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1)
    visible = visible[:, : int(high)].astype(np.int32)
    log_weight = np.zeros(visible.shape, np.float32)
    inputs = {"x": tables.x, "y": visible, "log_weight": log_weight}
    return inputs, tables.y, (weight * n_rows).astype(np.float32)


class TableBatches(keras.utils.PyDataset):
    """Batches of tables. A batch depends on the seed and on its step only.

    Parameters
    ----------
    seed : int
        Seed of the tables.
    n_tables : int
        Number of tables in a batch of the smallest tables.
    warm_up : int
        Number of steps in which the hardness of the tables rises from 0 to 1.
    n_epochs : int
        Number of epochs before the noise becomes greater.
    """

    def __init__(self, seed, n_tables, warm_up, n_epochs):
        super().__init__(workers=1, use_multiprocessing=False)
        self.seed, self.n_tables, self.warm_up = seed, n_tables, warm_up
        self.n_epochs = n_epochs
        self.epoch = 0

    def set_epoch(self, epoch, logs=None):
        """Set the epoch of the batches, also after an interruption."""
        self.epoch = epoch

    def __len__(self):
        return STEPS_AN_EPOCH

    def __getitem__(self, i):
        step = self.epoch * STEPS_AN_EPOCH + i
        rng = np.random.default_rng([self.seed, step])
        kind = rng.choice(len(_SHAPES), p=[shape[0] for shape in _SHAPES])
        size = rng.integers(_N_CONTEXT_SIZES)
        if i < 2:
            # Keras compares the first two batches to see which sizes vary; all must.
            kind, size = -i % len(_SHAPES), -i % _N_CONTEXT_SIZES
        _, n_rows, n_columns, fraction = _SHAPES[kind]
        is_first_part = self.epoch < self.n_epochs
        tables = draw_tables(
            rng,
            max(int(fraction * self.n_tables), 1),
            n_rows,
            n_columns,
            hardness=min(step / self.warm_up, 1.0),
            max_noise=_MAX_NOISE if is_first_part else _MAX_NOISE_LATER,
        )
        size_range = (size / _N_CONTEXT_SIZES, (size + 1) / _N_CONTEXT_SIZES)
        return hide_classes(tables, rng, size_range)


@keras.saving.register_keras_serializable("sktransfer")
class WarmUpThenFall(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises, stays constant, and falls to 0 at the end.

    Parameters
    ----------
    rate : float
        The greatest rate.
    n_steps : int
        Number of steps. The rate rises in the first 300 steps and falls in the last 30
        percent of all steps.
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
    """Draw the validation set; the network is not trained on these tables."""
    rng = np.random.default_rng(_VALIDATION_SEED)
    return hide_classes(draw_tables(rng, n_tables, 128, 9), rng)


def pretrain(folder, budget, *, seed=0, jit_compile=True, verbose=1):
    """Train a network, or continue an interrupted training.

    Parameters
    ----------
    folder : path-like
        Folder for the weights, and for the losses and checkpoints of each part.
    budget : Budget
        Size of the network and length of the training.
    seed : int, default=0
        Seed of the initial weights and of the tables. The seed of the second noisy part
        is ``seed + 1``.
    jit_compile : bool, default=True
        Whether XLA compiles the steps, which makes them twice as fast on CPUs.
    verbose : int, default=1
        1 shows a progress bar, 0 does not.

    Returns
    -------
    keras.Model
        The trained network.
    """
    folder = Path(folder)
    options = {"jit_compile": jit_compile, "verbose": verbose}
    first = _train_part(folder / "first", None, budget, seed, **options)
    noisy_parts = [
        _train_part(folder / f"noisy_{i}", first, budget, seed + i, **options)
        for i in range(_N_NOISY_PARTS)
    ]
    model = _network(budget, seed)
    weights = []
    for path in noisy_parts:
        model.load_weights(path)
        weights.append(model.get_weights())
    model.set_weights([np.mean(same, axis=0) for same in zip(*weights, strict=True)])
    path = folder / "tabular.weights.h5"
    _save(model, path)
    print(f"SHA-256 of {path}: {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return model


def _train_part(folder, first, budget, seed, *, jit_compile, verbose):
    """Train the first part or a noisy part after it; return the path of its weights."""
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
            keras.callbacks.LambdaCallback(on_epoch_begin=batches.set_epoch),
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
    # A new model has no optimizer, whose state would double the size of the file.
    keras.Model(model.inputs, model.outputs).save_weights(path)


def main():
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--out", required=True, help="folder")
    add("--budget", choices=list(BUDGETS), default="cpu")
    add("--epochs", type=int, help="epochs in the first part")
    add("--seed", type=int, default=0)
    options = parser.parse_args()
    budget = BUDGETS[options.budget]
    if options.epochs:
        budget = budget._replace(n_epochs=options.epochs)
    pretrain(options.out, budget, seed=options.seed)


if __name__ == "__main__":
    main()
