"""The last used trainers of a program, so that a search compiles few of them."""

import copy

import keras
from joblib import hash as hash_of

from sktransfer.training.step.trainer import Trainer
from sktransfer.training.step.xla import xla_batch

_MAX_TRAINERS = 8


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
    key = (repr(optimizer), variables, *options.values())
    if method is not None:
        size = min(settings.batch_size, n)
        options |= {"method": copy.copy(method), "method_batch": size}
        options["target_only"] = target_only
        # Its strength is an argument of each step.
        parameters = method.get_params() | {"trade_off": None}
        key = (*key, type(method), hash_of(parameters), size, target_only)
    trainers = program.trainers
    trainer = trainers.pop(key, None) or Trainer(program, optimizer, layers, **options)
    trainers[key] = trainer
    if len(trainers) > _MAX_TRAINERS:
        trainers.popitem(last=False)
    return trainer
