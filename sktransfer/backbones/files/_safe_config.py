"""Refusing model configurations that could run code of their own.

Keras's own safe mode lists what is forbidden. This lists what is allowed: the
layers and helpers that Keras ships, its activation functions by name, and what
the user registered in this process.
"""

import inspect
import sys

import keras
from keras.saving import get_registered_object

from sktransfer.exceptions import UnsafeFileError

# Markers of the configuration format that stand for plain values.
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

# TFSMLayer, JaxLayer, FlaxLayer and TorchModuleWrapper live elsewhere in Keras.
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
# Some layers are public under another name than that of their class.
_CLASS_NAMES = {
    found.__name__: found
    for found in vars(keras.layers).values()
    if inspect.isclass(found)
}
_FUNCTION_MODULES = frozenset({"builtins", "keras.activations", "keras.ops"})
_NOT_ACTIVATIONS = frozenset({"deserialize", "get", "serialize"})


def check_config(config, path):
    """Refuse a model configuration that names anything but known classes.

    Parameters
    ----------
    config : dict
        The parsed configuration of a `.keras` or legacy `.h5` file.
    path : path-like
        The file that it came from, for the message.

    Raises
    ------
    UnsafeFileError
        At the first class or function that is neither harmless and part of
        Keras nor registered by the user. Nothing has been built by then.
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
                    f"{path} was not loaded: {layer} {problem}. If the class or "
                    "function is your own, import it and register it with "
                    "keras.saving.register_keras_serializable() first; if you "
                    "trust the file to run code, use "
                    "Backbone.from_file(path, safe_mode=False)."
                )
        for value in node.values():
            _check_node(value, path, layer)


def _layer_label(node, enclosing):
    config = node.get("config")
    name = node.get("name") or (isinstance(config, dict) and config.get("name"))
    is_layer = isinstance(name, str) and not _is_helper(node)
    return f"layer {name!r}" if is_layer else enclosing


def _is_helper(node):
    # A dtype policy has a name too, and is not what the user calls a layer.
    return str(node["class_name"]).endswith("Policy")


def _problem(node):
    """Say what is wrong with one `class_name` entry, or give None."""
    name, module = node["class_name"], node.get("module")
    if not isinstance(name, str):
        return f"has a class name that is no string: {name!r}"
    if name in _VALUE_MARKERS:
        return None
    if name == "function":
        return None if _is_allowed_function(node) else _function_problem(node)
    if name == "__lambda__":
        return "holds a Python lambda"
    # Keras looks an entry up in one of several ways, depending on where it
    # stands and on the file format: each of them has to be harmless.
    registered = _found(map(_registered, (name, node.get("registered_name"))))
    located = _found([_by_module(module, name)])
    named = _found(_by_name(name))
    origin = f"{module}.{name}" if isinstance(module, str) else name
    if not registered and not (named if module is None else located):
        return f"is or uses {origin}, which is neither part of Keras nor registered"
    if all(map(inspect.isclass, registered)) and all(
        map(_is_harmless, located + named)
    ):
        return None
    return f"is or uses {origin}, which can run code of its own"


def _found(objects):
    return [found for found in objects if found is not None]


def _registered(name):
    return get_registered_object(name) if isinstance(name, str) else None


def _by_module(module, name):
    # Nothing is imported: what Keras ships for models is loaded already.
    if not isinstance(module, str) or module.split(".")[0] != "keras":
        return None
    return getattr(sys.modules.get(module), name, None)


def _by_name(name):
    """Look a name up as for files of Keras 2, which have no module."""
    yield {"Functional": keras.Model, "Model": keras.Model}.get(name)
    yield {"Sequential": keras.Sequential}.get(name)
    for namespace in _NAMESPACES:
        yield getattr(namespace, name, None)
    yield _CLASS_NAMES.get(name)


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


def _function_problem(node):
    return (
        f"calls the function {node.get('module')}.{node.get('config')}, which is "
        "no activation of Keras"
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
