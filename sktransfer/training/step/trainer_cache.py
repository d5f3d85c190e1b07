"""Cache of trainers, so that a search compiles few of them."""

import copy

import keras
from joblib import hash as hash_of

from sktransfer._caches import Cache
from sktransfer.training.step.memory import (
    MAX_TRAINER_BYTES,
    MIN_ENTRIES,
    RELEASE_BYTES,
    release_memory,
)
from sktransfer.training.step.trainer import Trainer, TrainerOptions
from sktransfer.training.step.xla import xla_batch_size

_trainers = Cache(
    "trainers",
    MAX_TRAINER_BYTES,
    release=release_memory,
    release_bytes=RELEASE_BYTES,
    min_entries=MIN_ENTRIES,
)


def get_trainer(program, task, *, layers=None, method=None, target_only=False):
    """Return the trainer of a program.

    Parameters
    ----------
    program : Program
        Program, held by the caller.
    task : FitTask
        The fit. The trainer depends on its head, settings and number of samples.
    layers : list of list of keras.Variable or None, default=None
        Variables to train, in lists as in ``program.trained``. None trains all.
    method : AdaptationMethod or None, default=None
        Adds its loss on target samples.
    target_only : bool, default=False
        Whether all samples are of the target.

    Returns
    -------
    Trainer
    """
    settings, n_samples = task.settings, len(task.samples)
    layers = layers or program.trained
    head = task.head.soft() if settings.mixup_alpha > 0 else task.head
    for_xla = hasattr(keras.optimizers, settings.optimizer["class_name"]) and (
        method is None or method.supports_jit
    )
    batch_size = None
    if for_xla:
        batch_size = xla_batch_size(program.network, settings.batch_size, n_samples)
    jit_compile = batch_size is not None
    if method is not None:
        method = copy.copy(method)
        batch_size = batch_size or min(settings.batch_size, n_samples)
    options = TrainerOptions(
        optimizer=settings.optimizer,
        layerwise=settings.layer_decay != 1,
        l2_sp=settings.l2_sp > 0,
        batch_size=batch_size,
        jit_compile=jit_compile,
        lora_rank=settings.lora_rank if settings.tune == "lora" else None,
        target_only=target_only,
    )
    key = (
        program,
        repr(options),
        head.key,
        tuple(id(v) for layer in layers for v in layer),
        _method_key(method),
    )
    return _trainers.get(
        key,
        lambda: Trainer(program, layers, head, options, method),
        lambda trainer: trainer.nbytes,
    )


def _method_key(method):
    if method is None:
        return None
    # Each step gets the strength as an argument.
    parameters = method.get_params() | {"trade_off": None}
    return type(method), hash_of(parameters)


def drop_trainers(program):
    """Drop the trainers of a program."""
    _trainers.discard_where(lambda key: key[0] is program)
