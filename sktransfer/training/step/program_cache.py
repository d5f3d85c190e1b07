"""Caches of programs and of their trainers, so that a search compiles few of them."""

import copy
import itertools

import keras
from joblib import hash as hash_of

from sktransfer._caches import Cache
from sktransfer.training.step.memory import release_memory
from sktransfer.training.step.program import Program
from sktransfer.training.step.trainer import Trainer, TrainerOptions
from sktransfer.training.step.xla import xla_batch_size

# Memory is released after so many bytes were dropped; it takes about half a second. A
# few entries are always kept, for a search over frozen depths of a large network.
_RELEASE = {
    "release": release_memory,
    "release_bytes": 50_000_000,
    "min_entries": 3,
}
_programs = Cache(
    "programs",
    150_000_000,
    on_evict=lambda _, program: drop_trainers(program),
    **_RELEASE,
)
_trainers = Cache("trainers", 300_000_000, **_RELEASE)


def get_program(backbone, depth, n_units, dtype, *, from_scratch=False):
    """Return the program of a backbone with a frozen depth and a head.

    Fits that differ only in data, weights or training parameters share a program, so
    nothing is compiled twice.

    Parameters
    ----------
    backbone : Backbone
        Its architecture is used, its weights are not.
    depth : int
        Number of frozen layers with weights.
    n_units : int
        Number of outputs of the head.
    dtype : str
        Floating-point type of all computations.
    from_scratch : bool, default=False
        Whether BatchNormalization learns its statistics. Pretrained statistics are
        kept, as small batches would make them worse.

    Returns
    -------
    Program
    """
    arguments = depth, n_units, dtype, from_scratch
    for level in itertools.count():
        program = _programs.get(
            (backbone.program_key, *arguments, level),
            lambda: Program(backbone, *arguments),
        )
        # A callback may use another estimator with this program during the training.
        if not program.is_held_by_this_thread:
            return program


def get_trainer(program, task, layers, alignment=None):
    """Return the trainer of a program.

    Parameters
    ----------
    program : Program
        Program, held by the caller.
    task : FitTask
        The fit. The trainer depends on its head, settings and number of samples.
    layers : list of list of keras.Variable
        Variables to train, in lists as in ``program.trained``.
    alignment : Alignment or None, default=None
        Adds the loss of an adaptation method.

    Returns
    -------
    Trainer
    """
    settings, n_samples = task.settings, len(task.samples)
    head = task.head.soft() if settings.mixup_alpha > 0 else task.head
    method = alignment and copy.copy(alignment.method)
    batch_size = None
    if hasattr(keras.optimizers, settings.optimizer["class_name"]) and (
        method is None or method.supports_jit
    ):
        batch_size = xla_batch_size(program.network, settings.batch_size, n_samples)
    jit_compile = batch_size is not None
    if method is not None and not jit_compile:
        batch_size = min(settings.batch_size, n_samples)
    options = TrainerOptions(
        optimizer=settings.optimizer,
        layerwise=settings.layer_decay != 1,
        l2_sp=settings.l2_sp > 0,
        batch_size=batch_size,
        jit_compile=jit_compile,
        lora_rank=settings.lora_rank if settings.tune == "lora" else None,
        target_only=alignment is not None and alignment.target_only,
    )
    key = (
        program,
        repr(options),
        head.key,
        tuple(id(v) for layer in layers for v in layer),
        _method_key(method),
    )
    return _trainers.get(key, lambda: Trainer(program, layers, head, options, method))


def _method_key(method):
    if method is None:
        return None
    # Each step gets the strength as an argument.
    parameters = method.get_params() | {"trade_off": None}
    return type(method), hash_of(parameters)


def drop_trainers(program):
    """Drop the trainers of a program."""
    _trainers.discard_where(lambda key: key[0] is program)
