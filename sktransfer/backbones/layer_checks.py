"""Layers of models: those that no backbone may have, and those of the user."""

import inspect

import keras
import numpy as np

from sktransfer.exceptions import BackboneError

_CUSTOM_KINDS = (
    keras.Layer,
    keras.constraints.Constraint,
    keras.initializers.Initializer,
    keras.regularizers.Regularizer,
)


def quantization_error(name, modes):
    """Make the error of a model with quantized weights.

    Parameters
    ----------
    name : str
        The model or its file, for the message.
    modes : iterable of str
        Kinds of quantization.

    Returns
    -------
    BackboneError
    """
    return BackboneError(
        f"{name} has quantized weights ({', '.join(sorted(set(modes)))}), which "
        "gradient steps cannot train. Use the model as it was before quantize()."
    )


def check_layers(layers, name):
    """Raise BackboneError if a layer cannot be a part of a backbone.

    Parameters
    ----------
    layers : list of keras.Layer
        All layers of a model.
    name : str
        Name of the model, for the message.
    """
    for layer in layers:
        _check_layer(layer, name)


def _check_layer(layer, name):
    policy = layer.dtype_policy
    if isinstance(policy, keras.dtype_policies.QuantizedDTypePolicy):
        raise quantization_error(f"backbone={name!r}", [policy.quantization_mode])
    if isinstance(layer, keras.layers.RNN) and layer.stateful:
        raise BackboneError(
            f"backbone={name!r} has the recurrent layer {layer.name!r} with "
            "stateful=True, whose state would pass from one batch of samples to the "
            "next. Build the same model with stateful=False, and copy the weights by "
            "new_model.set_weights(model.get_weights())."
        )


def check_finite(model):
    """Raise BackboneError if a weight of a model is NaN or infinite."""
    for path, n_bad, n_values in not_finite(model):
        raise BackboneError(
            f"backbone={model.name!r} has {n_bad} NaN or infinite values, of "
            f"{n_values}, in its weight {path!r}. Its training may have diverged; use "
            "weights from before."
        )


def not_finite(model):
    """Find the weights of a model that have NaN or infinite values.

    Parameters
    ----------
    model : keras.Model
        Built model.

    Yields
    ------
    tuple of str, int and int
        Path of a weight, number of such values, and number of all its values.
    """
    for variable in model.weights:
        if "float" in variable.dtype:
            values = variable.numpy()
            n_bad = values.size - np.count_nonzero(np.isfinite(values))
            if n_bad:
                yield variable.path, n_bad, values.size


def custom_parts(layers):
    """Collect the classes and functions of layers beside those of Keras.

    Parameters
    ----------
    layers : list of keras.Layer
        All layers of a model.

    Returns
    -------
    dict of str to object
        Classes of layers and of their helpers, and functions, by name.
    """
    objects = {}
    for layer in layers:
        # Functions and helpers of a layer, such as its activation, too. Keras also
        # stores wrapped methods.
        parts = [v for k, v in vars(layer).items() if not hasattr(type(layer), k)]
        for item in (layer, *parts):
            item = item if inspect.isfunction(item) else type(item)
            if _is_custom(item):
                objects[item.__name__] = item
    return objects


def _is_custom(item):
    """Return whether Keras needs an object to build a model that uses it."""
    if inspect.isfunction(item):
        return item.__name__ != "<lambda>" and not item.__module__.startswith("keras.")
    return not item.__module__.startswith("keras.") and issubclass(item, _CUSTOM_KINDS)
