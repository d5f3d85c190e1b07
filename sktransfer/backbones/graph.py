"""Keras models as flat graphs: copying them and inlining nested models."""

import json

import keras

from sktransfer._random import preserve_random_state
from sktransfer.exceptions import BackboneError

_FLOAT_POLICIES = {
    "bfloat16",
    "float16",
    "float32",
    "float64",
    "mixed_bfloat16",
    "mixed_float16",
}


def is_graph(operation):
    """Whether an operation is a model made of layers whose graph Keras knows."""
    return isinstance(operation, keras.Sequential) or (
        isinstance(operation, keras.Model) and hasattr(operation, "_nodes")
    )


def check_graph(model):
    """Raise BackboneError unless `model` is a built graph with one input and output."""
    if not isinstance(model, keras.Model):
        raise BackboneError(
            f"backbone must give a keras.Model; got {type(model).__name__}."
        )
    if not is_graph(model):
        raise BackboneError(
            f"backbone={model.name!r} is a subclassed keras.Model, whose layers form "
            "no graph that can be split into a frozen and a trained part. Wrap it as "
            "one layer, `inputs = keras.Input(shape); keras.Model(inputs, "
            "model(inputs))`, with its class registered by "
            "`keras.saving.register_keras_serializable`, or write it with the "
            "functional or Sequential API."
        )
    if not model.built or not getattr(model, "inputs", None):
        raise BackboneError(
            f"backbone={model.name!r} is a Sequential model that does not know its "
            "input shape; start it with `keras.Input(shape)`."
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise BackboneError(
            f"backbone={model.name!r} has {len(model.inputs)} inputs and "
            f"{len(model.outputs)} outputs; it must have one of each."
        )


def custom_objects(model):
    """What a live model uses that does not come with Keras, by name.

    Classes of layers, and classes and functions registered with Keras, such as
    activations.
    """
    found = {}
    for layer in model._flatten_layers():
        cls = type(layer)
        if not cls.__module__.startswith("keras."):
            found[cls.__name__] = cls

    def note(key, value):
        if isinstance(value, str):
            registered = keras.saving.get_registered_object(value)
            if registered is not None:
                found[value] = registered
        return value

    _map_config(serialize(model), note)
    return found


def serialize(model):
    """Architecture of a model as plain JSON-like data, without its compilation."""
    config = keras.saving.serialize_keras_object(model)
    return _map_config(json.loads(json.dumps(config)), _strip_training)


def deserialize(config, *, custom_objects=None, dtype=None, seed=0):
    """Build a model whose random initial values come from `seed`.

    Parameters
    ----------
    config : dict
        From :func:`serialize`.
    custom_objects : dict or None
        Classes by name.
    dtype : str or None
        Floating-point type of every layer; None keeps what the config says.
    seed : int
        Stands for each seed that is None.
    """

    def adjust(key, value):
        return _with_dtype(value, dtype) if key == "dtype" and dtype else value

    config = _map_config(config, adjust)
    with preserve_random_state(seed):
        return keras.saving.deserialize_keras_object(
            config, custom_objects=custom_objects, safe_mode=False
        )


def flat_copy(model):
    """Copy a model into a functional one with no model nested inside.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional; it is not changed.

    Returns
    -------
    keras.Model
        Its own layers and weights, all of them trainable.
    """
    check_graph(model)
    own = duplicate(model)
    if not isinstance(own, keras.Sequential) and not any(
        is_graph(layer) for layer in own.layers
    ):
        return own
    with preserve_random_state():
        _make_names_unique(own, set())
        source = own.inputs[0]
        inputs = keras.Input(
            batch_shape=source.shape, dtype=source.dtype, name="backbone_input"
        )
        output = keras.tree.flatten(_inline(own, inputs))[0]
        flat = keras.Model(inputs, output, name=own.name)
    # Its layers are still part of the nested graphs too; a copy of it is not.
    return duplicate(flat)


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
        source = model.inputs[0]
        inputs = keras.Input(
            batch_shape=source.shape, dtype=source.dtype, name="raw_input"
        )
        tensor = inputs
        for layer in layers:
            tensor = layer(tensor)
        return keras.Model(inputs, model(tensor), name=model.name)


def canonical(config):
    """The same architecture with the names of layers replaced by numbers."""
    names = {}

    def collect(value):
        if isinstance(value, dict):
            for key, item in value.items():
                if key == "name" and isinstance(item, str):
                    names.setdefault(item, f"name_{len(names)}")
                elif key != "dtype":
                    collect(item)
        elif isinstance(value, list):
            for item in value:
                collect(item)

    def rename(value, key=None):
        if isinstance(value, dict):
            return {k: v if k == "dtype" else rename(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [rename(v, "name") for v in value]
        if key == "name" and isinstance(value, str):
            return names.get(value, value)
        return value

    collect(config)
    return rename(config)


def duplicate(model):
    """Copy a model, nested as it is, with its weights and all layers trainable."""
    # Adapted statistics of a Normalization layer act as constants of the graph, and
    # become part of the configuration.
    adapted = {
        layer.name: layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Normalization) and layer.weights
    }

    def keep_statistics(_, value):
        if isinstance(value, dict) and value.get("class_name") == "Normalization":
            layer = adapted.get(value["config"]["name"])
            if layer is not None:
                statistics = {
                    "mean": keras.ops.convert_to_numpy(layer.adapt_mean).tolist(),
                    "variance": keras.ops.convert_to_numpy(
                        layer.adapt_variance
                    ).tolist(),
                }
                return value | {"config": value["config"] | statistics}
        return value

    constants = {id(weight) for layer in adapted.values() for weight in layer.weights}
    weights = [
        keras.ops.convert_to_numpy(weight)
        for weight in model.weights
        if id(weight) not in constants
    ]
    try:
        copied = deserialize(
            _map_config(serialize(model), keep_statistics),
            custom_objects=custom_objects(model),
        )
    except (TypeError, ValueError) as error:
        raise BackboneError(
            f"backbone={model.name!r} cannot be rebuilt from its configuration: "
            f"{str(error).splitlines()[-1]}"
        ) from error
    copied.set_weights(weights)
    return copied


def _inline(graph, inputs):
    if isinstance(graph, keras.Sequential):
        for layer in graph.layers:
            inputs = _call(layer)(inputs)
        return inputs
    return graph._run_through_graph(graph._standardize_inputs(inputs), _call)


def _call(operation):
    # Keras does the same with a nested model: a `training` that it was once called
    # with gives way to that of the whole model.
    if is_graph(operation):
        return lambda inputs, *args, **kwargs: _inline(operation, inputs)
    return operation


def _make_names_unique(graph, taken):
    for layer in graph.layers:
        if is_graph(layer):
            _make_names_unique(layer, taken)
        else:
            name, i = layer.name, 1
            while name in taken:
                name = f"{graph.name}_{layer.name}" + (f"_{i}" if i > 1 else "")
                i += 1
            if name != layer.name:
                layer.name = name
            taken.add(name)


def _strip_training(key, value):
    if key == "trainable":
        return True
    if key == "compile_config":
        return None
    return value


def _with_dtype(value, dtype):
    if isinstance(value, str):
        return dtype if value in _FLOAT_POLICIES else value
    if isinstance(value, dict) and value.get("config", {}).get("name") in (
        _FLOAT_POLICIES
    ):
        return dtype
    return value


def _map_config(value, change, key=None):
    value = change(key, value)
    if isinstance(value, dict):
        return {k: _map_config(v, change, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_map_config(v, change) for v in value]
    return value
