"""Refuse model configurations that could run code.

The safe mode of Keras lists what is forbidden. This module lists what is allowed:
layers and helpers of Keras, its activation functions, and classes and functions that
the user has registered in this process.
"""

import inspect
import sys

import keras
from keras.saving import get_registered_object

from sktransfer.exceptions import UnsafeFileError

# Class names that the configuration format uses for plain values.
_VALUE_MARKERS = frozenset(
    {
        "__bytes__",
        "__ellipsis__",
        "__keras_tensor__",
        "__numpy__",
        "__slice__",
        "__tensor__",
        "__tuple__",
        "TensorShape",
    }
)

# Layers that run code (TFSMLayer, JaxLayer, ...) are in other packages of Keras.
_LAYER_PACKAGES = (
    "keras.src.layers.",
    "keras.src.legacy.layers",
    "keras.src.applications.",
)
_MODEL_MODULES = frozenset(
    {
        "keras.src.models.functional",
        "keras.src.models.model",
        "keras.src.models.sequential",
    }
)
_HELPERS = (
    keras.constraints.Constraint,
    keras.dtype_policies.DTypePolicy,
    keras.dtype_policies.DTypePolicyMap,
    keras.initializers.Initializer,
    keras.random.SeedGenerator,
    keras.regularizers.Regularizer,
)
_NAMESPACES = (
    keras.layers,
    keras.constraints,
    keras.dtype_policies,
    keras.initializers,
    keras.regularizers,
)
_FUNCTION_MODULES = frozenset({"builtins", "keras.activations", "keras.ops"})
_NOT_ACTIVATIONS = frozenset({"deserialize", "get", "serialize"})
# Names of dtype policies of quantized layers.
_QUANTIZED_POLICIES = frozenset(
    cls.__name__
    for cls in [
        keras.dtype_policies.QuantizedDTypePolicy,
        *keras.dtype_policies.QuantizedDTypePolicy.__subclasses__(),
    ]
)


def quantization_modes(config):
    """List the kinds of quantization of a model.

    Parameters
    ----------
    config : dict
        The parsed configuration of a model file.

    Returns
    -------
    list of str
        Such as "int8", for each quantized layer.
    """
    if isinstance(config, list):
        return [mode for item in config for mode in quantization_modes(item)]
    if not isinstance(config, dict):
        return []
    modes = [mode for value in config.values() for mode in quantization_modes(value)]
    if str(config.get("class_name")) in _QUANTIZED_POLICIES:
        settings = config.get("config")
        mode = settings.get("mode") if isinstance(settings, dict) else None
        modes.append(str(mode or config["class_name"]))
    return modes


def check_config(config, path):
    """Refuse a model configuration that names a class that is not known to be safe.

    Parameters
    ----------
    config : dict
        The parsed configuration of a `.keras` or legacy `.h5` file.
    path : path-like
        Path of the file, for the message.

    Raises
    ------
    UnsafeFileError
        At the first class or function that is neither a harmless part of Keras nor
        registered by the user. Nothing has been built at that point.
    """
    _check_node(config, path, layer="the model")


def _check_node(node, path, layer):
    if isinstance(node, list):
        for item in node:
            _check_node(item, path, layer)
    elif isinstance(node, dict):
        if "class_name" in node:
            layer = _layer_label(node, layer)
            problem = _problem(node)
            if problem:
                raise UnsafeFileError(
                    f"{path} was not loaded: {layer} {problem}. If you have written "
                    "the class or function yourself, import it and register it with "
                    "keras.saving.register_keras_serializable(). If you trust the "
                    "file, use Backbone.from_file(path, safe_mode=False), which runs "
                    "the code in it."
                )
        for value in node.values():
            _check_node(value, path, layer)


def _layer_label(node, enclosing):
    config = node.get("config")
    name = node.get("name") or (isinstance(config, dict) and config.get("name"))
    # A dtype policy has a name, too, but is not a layer.
    is_layer = isinstance(name, str) and not str(node["class_name"]).endswith("Policy")
    return f"layer {name!r}" if is_layer else enclosing


def _problem(node):
    """Describe what is wrong with a `class_name` entry; None if nothing is."""
    name, module = node["class_name"], node.get("module")
    if not isinstance(name, str):
        return f"has a class name that is not a string: {name!r}"
    if name in _VALUE_MARKERS:
        return None
    if name == "function":
        if _is_allowed_function(node):
            return None
        return (
            f"calls the function {module}.{node.get('config')}, which is not an "
            "activation of Keras"
        )
    if name == "__lambda__":
        return "contains a Python lambda"
    # Keras looks an entry up in one of several ways, depending on its place in the
    # file and on the file format. The result of each of them must be harmless.
    registered = _not_none(map(_registered, (name, node.get("registered_name"))))
    by_module = _not_none([_by_module(module, name)])
    by_name = _not_none(_by_name(name))
    full_name = f"{module}.{name}" if isinstance(module, str) else name
    if not registered and not (by_name if module is None else by_module):
        return f"is or uses {full_name}, which is neither part of Keras nor registered"
    if all(map(inspect.isclass, registered)) and all(
        map(_is_harmless, by_module + by_name)
    ):
        return None
    return f"is or uses {full_name}, which can run code"


def _not_none(objects):
    return [item for item in objects if item is not None]


def _registered(name):
    return get_registered_object(name) if isinstance(name, str) else None


def _by_module(module, name):
    # Nothing is imported here; all modules of Keras for models are already loaded.
    if not isinstance(module, str) or module.split(".")[0] != "keras":
        return None
    return getattr(sys.modules.get(module), name, None)


def _by_name(name):
    """Look a name up as Keras does in files of Keras 2, which have no module."""
    yield {
        "Functional": keras.Model,
        "Model": keras.Model,
        "Sequential": keras.Sequential,
    }.get(name)
    for namespace in _NAMESPACES:
        yield getattr(namespace, name, None)
    # The public name of some layers is not the name of their class.
    for item in vars(keras.layers).values():
        if inspect.isclass(item) and item.__name__ == name:
            yield item


def _is_allowed_function(node):
    name = node.get("config")
    if not isinstance(name, str):
        return False
    if callable(_registered(name)):
        return True
    return (
        node.get("module") in _FUNCTION_MODULES
        and node.get("registered_name") in (None, name)
        and name not in _NOT_ACTIVATIONS
        and inspect.isfunction(getattr(keras.activations, name, None))
    )


def _is_harmless(cls):
    if not inspect.isclass(cls) or issubclass(cls, keras.layers.Lambda):
        return False
    if issubclass(cls, keras.Model):
        return cls.__module__ in _MODEL_MODULES
    if issubclass(cls, keras.layers.Layer):
        return cls.__module__.startswith(_LAYER_PACKAGES)
    if issubclass(cls, _HELPERS):
        return cls.__module__.startswith("keras.src.")
    return issubclass(cls, keras.Operation) and cls.__module__.startswith(
        "keras.src.ops."
    )
