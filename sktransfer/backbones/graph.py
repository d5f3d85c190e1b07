"""Keras models as graphs: reading, copying and flattening them.

All uses of Keras's private attributes are in the first functions of this file.
"""

import json

import keras
import numpy as np

from sktransfer._random import preserve_random_state
from sktransfer.backbones.configurations import INVALID_IN_NAMES, map_config
from sktransfer.backbones.layer_checks import check_finite, check_layers, custom_parts
from sktransfer.exceptions import BackboneError

_FLOAT_POLICIES = {
    "bfloat16",
    "float16",
    "float32",
    "float64",
    "mixed_bfloat16",
    "mixed_float16",
}


def all_layers(model):
    """List a model or layer and all layers inside it, also those of nested models."""
    return list(model._flatten_layers())


def nodes(model):
    """List the nodes of a flat model in topological order."""
    by_depth = model._nodes_by_depth
    return [
        node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]
    ]


def free_name(name, model):
    """Return a name that no layer of a model has: the name itself, if possible."""
    taken = {operation.name for operation in model.operations}
    while name in taken:
        name += "_"
    return name


def origin(tensor):
    """Return the node that computes a tensor."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def run_graph(model, inputs, call):
    """Run a functional model with other functions in place of its operations.

    Parameters
    ----------
    model : keras.Model
        Functional model.
    inputs : tensor
        Its input.
    call : callable
        Gets each operation; returns the function that is called in its place.

    Returns
    -------
    tensor
    """
    return model._run_through_graph(model._standardize_inputs(inputs), call)


def has_training_mode(operation):
    """Return whether an operation is a layer that is called with `training`."""
    return isinstance(operation, keras.Layer) and operation._call_has_training_arg


def has_mask(tensor):
    """Return whether a symbolic tensor carries a mask."""
    return getattr(tensor, "_keras_mask", None) is not None


def seed_generators(layer):
    """List the seed generators of a layer and of all layers inside it."""
    return [
        generator for part in all_layers(layer) for generator in part._seed_generators
    ]


def unwrap(tensors):
    """Return what Keras expects in place of a list of tensors: a single one itself."""
    return tensors[0] if len(tensors) == 1 else list(tensors)


def is_graph(operation):
    """Return whether an operation is a functional or Sequential model."""
    return isinstance(operation, keras.Sequential) or (
        isinstance(operation, keras.Model) and hasattr(operation, "_nodes")
    )


def check_graph(model):
    """Raise BackboneError unless a model is built and has one input and one output."""
    if not isinstance(model, keras.Model):
        raise BackboneError(
            f"backbone must give a keras.Model; got {type(model).__name__}."
        )
    if not is_graph(model):
        raise BackboneError(
            f"backbone={model.name!r} is a subclassed keras.Model. Only a functional "
            "or Sequential model can be split into a frozen and a trained part. "
            "Rewrite it as one of these, or wrap it as one layer: `inputs = "
            "keras.Input(shape); keras.Model(inputs, model(inputs))`, with its class "
            "registered by `keras.saving.register_keras_serializable`."
        )
    if not model.built or not getattr(model, "inputs", None):
        raise BackboneError(
            f"backbone={model.name!r} is a Sequential model without an input shape; "
            "start it with `keras.Input(shape)`."
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise BackboneError(
            f"backbone={model.name!r} has {len(model.inputs)} inputs and "
            f"{len(model.outputs)} outputs; it must have one of each."
        )
    if model.inputs[0].dtype == "string":
        raise BackboneError(
            f"backbone={model.name!r} has an input of strings; expected numbers. Apply "
            "the layers that turn strings into numbers (TextVectorization, "
            "StringLookup, Hashing) to X before fit, and use the rest of the network."
        )
    check_layers(all_layers(model), model.name)


def custom_objects(model):
    """Collect the classes and functions that a model uses beside those of Keras.

    Returns
    -------
    dict of str to object
        Classes of layers, and registered classes and functions, by name.
    """
    objects = custom_parts(all_layers(model))

    def collect(key, value):
        if isinstance(value, str):
            registered = keras.saving.get_registered_object(value)
            if registered is not None:
                objects[value] = registered
        return value

    map_config(serialize(model), collect)
    return objects


def serialize(model):
    """Return the architecture of a model as JSON-like data.

    It has no compilation, and takes batches of any size.
    """
    config = keras.saving.serialize_keras_object(model)
    return map_config(json.loads(json.dumps(config)), _strip_training)


def deserialize(config, *, custom_objects=None, dtype=None, seed=0):
    """Build a model from its architecture.

    Parameters
    ----------
    config : dict
        From :func:`serialize`.
    custom_objects : dict or None, default=None
        Classes and functions by name.
    dtype : str or None, default=None
        Floating-point type of every layer; None keeps that of the config.
    seed : int, default=0
        Seed of the initial weights and of all layers whose own seed is None.

    Returns
    -------
    keras.Model
    """

    def adjust(key, value):
        return _with_dtype(value, dtype) if key == "dtype" and dtype else value

    config = map_config(config, adjust)
    with preserve_random_state(seed):
        model = keras.saving.deserialize_keras_object(
            config, custom_objects=custom_objects, safe_mode=False
        )
    _make_names_valid(model)
    return model


def _make_names_valid(model):
    """Change names that TensorFlow rejects and other backends of Keras accept."""
    layers = all_layers(model)
    taken = {layer.name for layer in layers}
    for layer in layers:
        name = INVALID_IN_NAMES.sub("_", layer.name)
        if name != layer.name:
            while name in taken:
                name += "_"
            taken.add(name)
            layer.name = name


def flat_copy(model):
    """Copy a model into a functional one without nested models.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional; it is not changed.

    Returns
    -------
    keras.Model
        It shares no layer or weight with `model`; all layers are trainable.
    """
    check_graph(model)
    check_finite(model)
    copy = duplicate(model)
    flat = flatten(copy)
    # The layers of `flat` also belong to the nested graphs; those of a copy do not.
    return copy if flat is copy else duplicate(flat)


def flatten(copy):
    """Make a functional model without nested models of the layers of a model.

    Parameters
    ----------
    copy : keras.Model
        Sequential or functional. Layers of nested models may get other names.

    Returns
    -------
    keras.Model
        `copy` itself if it is such a model already.
    """
    if not isinstance(copy, keras.Sequential) and not any(map(is_graph, copy.layers)):
        return copy
    with preserve_random_state():
        _make_names_unique(copy, set())
        inputs = _input_like(copy, "backbone_input")
        output = keras.tree.flatten(_run_flat(copy, inputs))[0]
        return keras.Model(inputs, output, name=copy.name)


def prepend(layers, model):
    """Put weightless layers before the input of a copy of a model.

    Parameters
    ----------
    layers : list of keras.Layer
        New layers, applied in this order.
    model : keras.Model
        It is not changed.

    Returns
    -------
    keras.Model
    """
    model = flat_copy(model)
    with preserve_random_state():
        inputs = tensor = _input_like(model, "raw_input")
        for layer in layers:
            tensor = layer(tensor)
        return keras.Model(inputs, model(tensor), name=model.name)


def duplicate(model):
    """Copy a model with its weights; nested models stay nested.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional; it is not changed.

    Returns
    -------
    keras.Model
        All its layers are trainable.
    """
    # The copy has the adapted statistics of Normalization layers as constants in its
    # configuration, not as weights.
    adapted = {
        layer.name: layer
        for layer in all_layers(model)
        if isinstance(layer, keras.layers.Normalization) and layer.weights
    }

    def keep_statistics(_, value):
        if isinstance(value, dict) and value.get("class_name") == "Normalization":
            layer = adapted.get(value["config"]["name"])
            if layer is not None:
                values = {"mean": layer.adapt_mean, "variance": layer.adapt_variance}
                statistics = {
                    name: np.asarray(tensor).tolist() for name, tensor in values.items()
                }
                return value | {"config": value["config"] | statistics}
        return value

    constants = {id(weight) for layer in adapted.values() for weight in layer.weights}
    weights = [
        weight.numpy() for weight in model.weights if id(weight) not in constants
    ]
    try:
        copy = deserialize(
            map_config(serialize(model), keep_statistics),
            custom_objects=custom_objects(model),
        )
    except (NotImplementedError, TypeError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        reason = reason.rstrip(".")[:150]
        raise BackboneError(
            f"backbone={model.name!r} cannot be rebuilt from its configuration: "
            f"{reason}. A layer needs a `get_config` that returns all arguments of its "
            "`__init__`, and named functions in place of lambda functions."
        ) from error
    copy.set_weights(weights)
    return copy


def _input_like(model, name):
    source = model.inputs[0]
    return keras.Input(batch_shape=source.shape, dtype=source.dtype, name=name)


def _run_flat(model, inputs):
    """Run a model; the layers of nested models are called one by one."""
    if isinstance(model, keras.Sequential):
        for layer in model.layers:
            inputs = _flat_call(layer)(inputs)
        return inputs
    return run_graph(model, inputs, _flat_call)


def _flat_call(operation):
    # Keras does the same with a nested model: the `training` of the whole model
    # replaces that of the call inside it.
    if is_graph(operation):
        return lambda inputs, *args, **kwargs: _run_flat(operation, inputs)
    return operation


def _make_names_unique(graph, taken):
    for layer in graph.layers:
        if is_graph(layer):
            _make_names_unique(layer, taken)
        else:
            name, i = layer.name, 1
            while layer.name in taken:
                layer.name = f"{graph.name}_{name}" + (f"_{i}" if i > 1 else "")
                i += 1
            taken.add(layer.name)


def _strip_training(key, value):
    if key == "trainable":
        return True
    if key == "compile_config":
        return None
    if isinstance(value, dict) and value.get("class_name") == "InputLayer":
        # A backbone takes batches of any size.
        shape = [None, *value["config"]["batch_shape"][1:]]
        return value | {"config": value["config"] | {"batch_shape": shape}}
    return value


def _with_dtype(value, dtype):
    if isinstance(value, str):
        return dtype if value in _FLOAT_POLICIES else value
    if isinstance(value, dict) and value.get("config", {}).get("name") in (
        _FLOAT_POLICIES
    ):
        return dtype
    return value
