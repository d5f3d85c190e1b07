"""Which weights of the unfrozen layers are trained: the parameter `tune`."""

import keras
import numpy as np

from sktransfer.backbones import graph

_THIRDS = ("first", "middle", "last")
_NORMALIZATION = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
)


def choose_variables(program, tune, frozen_depth):
    """Choose the variables of each unfrozen layer that are trained.

    Parameters
    ----------
    program : Program
        Program of a stage.
    tune : {"all", "bias", "norm", "first", "middle", "last", "lora"}
        Parameter of the recipe. For "lora", the kernels that get a low-rank update.
    frozen_depth : int
        Frozen depth of the fit, where the first third begins.

    Returns
    -------
    list of list of keras.Variable
        One list for each layer of ``program.trained``; all variables of the head.
    """
    *layers, head = program.trained
    if tune == "all":
        return [*layers, head]
    if tune in _THIRDS:
        unfrozen = np.arange(frozen_depth, program.depth + len(layers))
        third = np.array_split(unfrozen, 3)[_THIRDS.index(tune)]
        chosen = third - program.depth
        return [*(v if i in chosen else [] for i, v in enumerate(layers)), head]
    if tune == "bias":
        variables = [v for layer in layers for v in layer if v.name in ("bias", "beta")]
    else:
        variables = _kernels(program) if tune == "lora" else _scales_and_shifts(program)
    ids = {id(variable) for variable in variables}
    return [*([v for v in layer if id(v) in ids] for layer in layers), head]


def check_trained_variables(program, tune):
    """Raise ValueError if no weights of the unfrozen layers would be trained.

    Parameters
    ----------
    program : Program
        Program of the frozen depth of the fit.
    tune : str
        Parameter of the recipe.
    """
    *layers, _ = program.trained
    if tune == "all" or not layers:
        return
    if tune in _THIRDS and len(layers) < 3:
        raise ValueError(
            f"tune={tune!r} of the recipe needs 3 or more unfrozen layers; got "
            f"{len(layers)}. Use tune='all', or a smaller frozen_depth."
        )
    *chosen, _ = choose_variables(program, tune, program.depth)
    if not any(chosen):
        lacking = {
            "bias": "has a bias",
            "norm": "is a normalization layer with a scale or a shift",
            "lora": "has a kernel that Keras supports LoRA for",
        }[tune]
        raise ValueError(
            f"tune={tune!r} of the recipe trains no weights: none of the "
            f"{len(layers)} unfrozen layers {lacking}. Use tune='all', or a smaller "
            "frozen_depth."
        )


def _scales_and_shifts(program):
    for layer in graph.all_layers(program.network):
        if isinstance(layer, _NORMALIZATION):
            yield from layer.weights


def _kernels(program):
    for layer in graph.all_layers(program.network):
        if not hasattr(layer, "enable_lora") or layer.lora_enabled:
            continue
        kernel = layer.embeddings if hasattr(layer, "embeddings") else layer.kernel
        if kernel.constraint is None:
            yield kernel
