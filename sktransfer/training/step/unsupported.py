"""The error of layers that TensorFlow cannot compute on this device."""

import contextlib
import os
import re

import keras
import tensorflow as tf

from sktransfer.backbones import graph
from sktransfer.exceptions import BackboneError

_ERRORS = tf.errors.UnimplementedError, tf.errors.InvalidArgumentError, TypeError
_REASON = re.compile(r"[^\n}]*(?:only supports?|No OpKernel|DataType float64)[^\n]*")
_NODE = re.compile(r"\[\[(?:\{\{[^}]*\}\})*?(?:\{\{node )?([^\]{}]+)\}*\]\]")
_CLASS = re.compile(r"when calling (\w+)\.call")


@contextlib.contextmanager
def unsupported_layers(network, dtype):
    """Raise BackboneError if TensorFlow has no implementation of a layer.

    It has none of convolutions with channels_first in float64 on a CPU, for example.

    Parameters
    ----------
    network : keras.Model or Backbone
        The model that is computed, or the backbone from which one is built.
    dtype : str
        Floating-point type of the computations.
    """
    try:
        yield
    except _ERRORS as error:
        reason = _REASON.search(str(error))
        if reason is None:
            raise
        layer = _find_layer(str(error), network)
        advice = [] if dtype == "float32" else ["dtype='float32'"]
        data_format = getattr(layer, "data_format", None)
        if data_format == "channels_first" or "NHWC" in reason[0]:
            advice.append("a network with data_format='channels_last'")
            if dtype == "float32" and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "1":
                # TensorFlow turns it off by itself on older CPUs.
                advice.append("TF_ENABLE_ONEDNN_OPTS=1 in the environment")
        advice.append("a GPU")
        raise BackboneError(
            f"dtype={dtype!r}: TensorFlow cannot compute {_describe(layer)} of "
            f"backbone={network.name!r} with it on this device: "
            f"{reason[0].strip(' .')}. Use {' or '.join(advice)}."
        ) from error


def _find_layer(message, network):
    """Find the layer that an error of TensorFlow is about; its class if it has no name.

    The names of operations contain those of the layers, with a number.
    """
    node, kind = _NODE.search(message), _CLASS.search(message)
    if node is None or not isinstance(network, keras.Model):
        return kind and kind[1]
    layers = {layer.name: layer for layer in graph.all_layers(network)}
    for scope in reversed(node[1].split("/")):
        for name in (re.sub(r"_\d+$", "", scope), scope):
            if name in layers:
                return layers[name]
    return None


def _describe(layer):
    if layer is None:
        return "a layer"
    if isinstance(layer, str):
        return f"the {layer} layers"
    return f"the layer {layer.name!r}"
