"""Turn model configurations of Keras 2 into configurations that Keras 3 builds.

Keras 3 reads legacy `.h5` files, but fails at arguments that its layers no longer have,
and at the way in which Keras 2 counted the calls of nested models.
"""

_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
_WITHOUT_GROUPS = (
    *_SEPARABLE,
    *(f"Conv{rank}DTranspose" for rank in (1, 2, 3)),
    "DepthwiseConv1D",
    "DepthwiseConv2D",
)
# Modules that define the classes of models in Keras 3.
_MODELS = {
    "Functional": "keras.src.models.functional",
    "Model": "keras",
    "Sequential": "keras",
}
# Arguments in configurations that the layers did not use.
_UNUSED = {
    "Discretization": ("trainable",),
    "MultiHeadAttention": (
        "key_shape",
        "query_shape",
        "softmax_robust_masking",
        "value_shape",
    ),
    **dict.fromkeys(
        _SEPARABLE, ("kernel_constraint", "kernel_initializer", "kernel_regularizer")
    ),
    **dict.fromkeys(
        [f"SpatialDropout{rank}D" for rank in (1, 2, 3)], ("noise_shape", "trainable")
    ),
}


def modernize(node):
    """Turn a legacy configuration, or a part of one, into one for Keras 3.

    Parameters
    ----------
    node : object
        Parsed JSON of the file.

    Returns
    -------
    object
        A copy for Keras 3, without the compile configurations of models.
        Configurations of Keras 3 do not change otherwise.
    """
    if isinstance(node, list):
        return [modernize(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {
        key: modernize(value)
        for key, value in node.items()
        # Models, also nested ones, are not compiled.
        if key != "compile_config" or "class_name" not in node
    }
    name, config = node.get("class_name"), node.get("config")
    if not isinstance(config, dict) or not isinstance(name, str):
        return node
    node["config"] = _modern_config(name, config)
    if name in _MODELS and ".engine." in str(node.get("module")):
        node["module"] = _MODELS[name]
    if name == "MultiHeadAttention" and "query_shape" in config:
        # Keras 3 computes these shapes from the inputs of the call.
        node.pop("build_config", None)
    return node


def _modern_config(class_name, config):
    config = {k: v for k, v in config.items() if not _is_obsolete(class_name, k, v)}
    if class_name in ("Functional", "Model") and "layers" in config:
        config = _with_modern_calls(config)
    if class_name == "InputLayer" and "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    if class_name == "BatchNormalization" and isinstance(config.get("axis"), list):
        (config["axis"],) = config["axis"]
    return config


def _is_obsolete(class_name, key, value):
    if key == "groups":
        return value == 1 and class_name in _WITHOUT_GROUPS
    if key == "time_major":
        return value is False
    if key == "rng_type":
        return class_name.startswith("Random")
    if key == "score_mode":
        # The default. Keras 3 would replace this name by the function `dot`.
        return value == "dot" and class_name == "Attention"
    return key in _UNUSED.get(class_name, ())


def _with_modern_calls(config):
    """Write the calls between layers as Keras 3 does.

    Keras 2 counts the building of a nested model as its first call. Keras 3 does this
    only for a functional model that is an output.
    """
    kinds = {layer["name"]: layer["class_name"] for layer in config["layers"]}
    if not any(
        isinstance(call, list)
        for layer in config["layers"]
        for call in layer["inbound_nodes"]
    ):
        return config
    layers = [
        {
            **layer,
            "inbound_nodes": [_modern_call(c, kinds) for c in layer["inbound_nodes"]],
        }
        for layer in config["layers"]
    ]
    return {
        **config,
        "layers": layers,
        "input_layers": _unwrapped(config["input_layers"]),
        "output_layers": _modern_outputs(_unwrapped(config["output_layers"]), kinds),
    }


def _unwrapped(tensors):
    # Keras 2 accepted a list of one tensor in place of the tensor.
    is_single = len(tensors) == 1 and isinstance(tensors, list)
    return tensors[0] if is_single else tensors


def _modern_call(call, kinds):
    if not isinstance(call, list):
        return call
    inputs = [_modern_argument(argument[:3], kinds) for argument in call]
    keywords = call[-1][3] if call and len(call[-1]) > 3 else {}
    return {
        "args": inputs if len(inputs) == 1 else [inputs],
        "kwargs": {
            key: _modern_argument(value, kinds) for key, value in keywords.items()
        },
    }


def _modern_argument(value, kinds):
    if not isinstance(value, list) or len(value) < 3 or not isinstance(value[0], str):
        return value
    name, call, tensor = value[:3]
    if name == "_CONSTANT_VALUE":
        return tensor
    if name not in kinds:
        return value
    # Keras replaces shape and dtype by those of the tensor that the history names.
    return {
        "class_name": "__keras_tensor__",
        "config": {
            "shape": [None],
            "dtype": "float32",
            "keras_history": [name, call - (kinds[name] in _MODELS), tensor],
        },
    }


def _modern_outputs(outputs, kinds):
    if isinstance(outputs, dict):
        return {key: _modern_outputs(value, kinds) for key, value in outputs.items()}
    if not isinstance(outputs, list) or not outputs:
        return outputs
    if not isinstance(outputs[0], str):
        return [_modern_outputs(value, kinds) for value in outputs]
    name, call, tensor = outputs
    return [name, call - (kinds.get(name) == "Sequential"), tensor]
