"""The last used trainers, so that a search compiles few of them."""

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
from sktransfer.training.step.trainer import Trainer
from sktransfer.training.step.xla import xla_batch

_trainers = Cache(
    "trainers",
    MAX_TRAINER_BYTES,
    release=release_memory,
    release_bytes=RELEASE_BYTES,
    min_entries=MIN_ENTRIES,
)


def get_trainer(
    program,
    settings,
    n,
    *,
    layers=None,
    method=None,
    target_only=False,
):
    """Return the compiled training of a program with its optimizer.

    Parameters
    ----------
    program : Program
        Held by the caller.
    settings : Settings
        Training parameters.
    n : int
        Rows in the training set.
    layers : list of list of keras.Variable or None, default=None
        Which variables are trained, in lists as in ``program.trained``; None is all.
    method : AdaptationMethod or None, default=None
        What is done with rows of the target.
    target_only : bool, default=False
        Whether the method has rows of the target alone.

    Returns
    -------
    Trainer
    """
    optimizer, layers = settings.optimizer, layers or program.trained
    for_xla = hasattr(keras.optimizers, optimizer["class_name"]) and (
        method is None or method.supports_jit
    )
    batch = xla_batch(program.network, settings.batch_size, n) if for_xla else None
    options = {
        "layerwise": settings.layer_decay != 1,
        "l2_sp": settings.l2_sp > 0,
        "xla_batch": batch,
        "lora_rank": settings.lora_rank if settings.tune == "lora" else None,
        "mixed": settings.mixup_alpha > 0,
    }
    variables = tuple(id(v) for layer in layers for v in layer)
    key = (program, repr(optimizer), variables, *options.values())
    if method is not None:
        size = min(settings.batch_size, n)
        options |= {"method": copy.copy(method), "method_batch": size}
        options["target_only"] = target_only
        # Its strength is an argument of each step.
        parameters = method.get_params() | {"trade_off": None}
        key = (*key, type(method), hash_of(parameters), size, target_only)
    return _trainers.get(
        key,
        lambda: Trainer(program, optimizer, layers, **options),
        lambda trainer: trainer.nbytes,
    )


def drop_trainers(program):
    """Drop the trainers of a program that is dropped itself."""
    _trainers.discard_where(lambda key: key[0] is program)
