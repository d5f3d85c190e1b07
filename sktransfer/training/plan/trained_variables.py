"""Which weights of the unfrozen layers are trained, and through what."""

import keras
import numpy as np

from sktransfer.backbones import graph

_THIRDS = ("first", "middle", "last")
_NORMALISATION = (
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
        Of some stage of a recipe.
    tune : {"all", "bias", "norm", "first", "middle", "last", "lora"}
        Which are meant; "lora" gives the kernels that get a low-rank update.
    frozen_depth : int
        That of the whole fit, from which thirds are counted.

    Returns
    -------
    list of list of keras.Variable
        One list for each layer of ``program.trained``, the head's complete.
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

        def is_chosen(variable):
            return variable.name in ("bias", "beta")
    else:
        found = _kernels(program) if tune == "lora" else _scales_and_shifts(program)
        ids = {id(variable) for variable in found}

        def is_chosen(variable):
            return id(variable) in ids

    return [*([v for v in layer if is_chosen(v)] for layer in layers), head]


def check_choice(program, tune):
    """Raise ValueError when a choice leaves no weight of an unfrozen layer to train.

    Parameters
    ----------
    program : Program
        Of the whole fit's frozen depth.
    tune : str
        As in :func:`choose_variables`.
    """
    *layers, _ = program.trained
    if tune == "all" or not layers:
        return
    if tune in _THIRDS and len(layers) < 3:
        raise ValueError(
            f"tune={tune!r} of the recipe is a third of the unfrozen layers; there are "
            f"{len(layers)}, and 3 are needed. Use tune='all' and a frozen_depth."
        )
    *chosen, _ = choose_variables(program, tune, program.depth)
    if not any(chosen):
        lacking = {
            "bias": "has a bias",
            "norm": "is a normalization layer with a scale or a shift",
            "lora": "has a kernel that Keras can do LoRA for",
        }[tune]
        raise ValueError(
            f"tune={tune!r} of the recipe leaves nothing to train: none of the "
            f"{len(layers)} unfrozen layers {lacking}. Use tune='all', or a smaller "
            "frozen_depth."
        )


def _scales_and_shifts(program):
    for layer in graph.all_layers(program.network):
        if isinstance(layer, _NORMALISATION):
            yield from layer.weights


def _kernels(program):
    for layer in graph.all_layers(program.network):
        if not hasattr(layer, "enable_lora") or layer.lora_enabled:
            continue
        kernel = layer.embeddings if hasattr(layer, "embeddings") else layer.kernel
        if kernel.constraint is None:
            yield kernel
