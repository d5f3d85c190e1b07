"""The last used trainers of a program, so that a search compiles few of them."""

import copy

import keras
from joblib import hash as hash_of

from sktransfer.training.trainer import Trainer
from sktransfer.training.xla import xla_batch

_MAX_TRAINERS = 8


def get_trainer(
    program,
    optimizer,
    *,
    layerwise,
    l2_sp,
    batch_size,
    n,
    method=None,
    target_only=False,
):
    """Return the compiled training of a program with its optimizer.

    Parameters
    ----------
    program : Program
        Held by the caller.
    optimizer : dict
        A serialized Keras optimizer.
    layerwise : bool
        Whether each layer has a learning rate of its own.
    l2_sp : bool
        Whether the loss holds the distance to the starting weights.
    batch_size, n : int
        Rows in a batch, and in the training set.
    method : AdaptationMethod or None, default=None
        What is done with rows of the target.
    target_only : bool, default=False
        Whether the method has rows of the target alone.

    Returns
    -------
    Trainer
    """
    for_xla = hasattr(keras.optimizers, optimizer["class_name"]) and (
        method is None or method.supports_jit
    )
    options = {
        "layerwise": layerwise,
        "l2_sp": l2_sp,
        "xla_batch": xla_batch(program.network, batch_size, n) if for_xla else None,
    }
    key = (repr(optimizer), *options.values())
    if method is not None:
        size = min(batch_size, n)
        options |= {"method": copy.copy(method), "method_batch": size}
        options["target_only"] = target_only
        # Its strength is an argument of each step.
        parameters = method.get_params() | {"trade_off": None}
        key = (*key, type(method), hash_of(parameters), size, target_only)
    trainers = program.trainers
    trainer = trainers.pop(key, None) or Trainer(program, optimizer, **options)
    trainers[key] = trainer
    if len(trainers) > _MAX_TRAINERS:
        trainers.popitem(last=False)
    return trainer
