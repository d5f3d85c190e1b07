"""Cutting a model at its feature layer: finding the old head, pooling feature maps."""

import difflib

import keras

from sktransfer._random import preserve_random_state
from sktransfer.exceptions import BackboneError

_POOLING = {
    3: keras.layers.GlobalAveragePooling1D,
    4: keras.layers.GlobalAveragePooling2D,
    5: keras.layers.GlobalAveragePooling3D,
}
# What may stand between a classification layer and the output of a model.
_AFTER_HEAD = (
    keras.layers.Activation,
    keras.layers.Dropout,
    keras.layers.Softmax,
)
_AVERAGING = tuple(_POOLING.values())
_HEAD_ACTIVATIONS = (
    None,
    keras.activations.linear,
    keras.activations.softmax,
    keras.activations.sigmoid,
)


def find_head(model):
    """Find the classification layer of a flat model.

    Returns
    -------
    head : keras.Layer or None
        The last weighted layer, when it is a linear map to class scores (Dense or
        1 x 1 convolution with no activation, softmax or sigmoid) that only
        averaging over positions and then softmax follow.
    features : keras.KerasTensor or None
        What goes into it.
    """
    tensor = model.outputs[0]
    if len(tensor.shape) != 2:
        return None, None
    averaged = False
    while True:
        operation, node = _origin(tensor)
        activation = getattr(operation, "activation", keras.activations.linear)
        if isinstance(operation, keras.layers.Softmax):
            activation = keras.activations.softmax
        # The mean of softmaxes is not the softmax of a mean.
        if activation not in _HEAD_ACTIVATIONS[: 2 if averaged else None]:
            return None, None
        if isinstance(operation, (keras.layers.Dense, keras.layers.Conv2D)):
            break
        source = node.input_tensors[0] if node.input_tensors else None
        if isinstance(operation, _AVERAGING):
            averaged = True
        elif isinstance(operation, (keras.layers.Flatten, keras.layers.Reshape)):
            if any(size != 1 for size in source.shape[1:-1]):
                return None, None
        elif not isinstance(operation, _AFTER_HEAD):
            return None, None
        tensor = source
    if isinstance(operation, keras.layers.Conv2D) and set(operation.kernel_size) != {1}:
        return None, None
    return operation, node.input_tensors[0]


def _origin(tensor):
    """Return the operation that makes a tensor, and the node where it does."""
    history = tensor._keras_history
    return history.operation, history.operation._inbound_nodes[history.node_index]


def cut(model, feature_layer):
    """Cut a flat model at its feature layer.

    Parameters
    ----------
    model : keras.Model
        Flat functional model.
    feature_layer : str
        "auto" (before the classification layer, or at the output when there is
        none), "output", or the name of a layer.

    Returns
    -------
    features : keras.Model
        From the input to features of shape (n, d); feature maps are averaged.
    head : list of two ndarrays or None
        Kernel (d, C) and bias (C,) of the classification layer cut off.
    """
    head, features = find_head(model) if feature_layer == "auto" else (None, None)
    if head is not None:
        pass
    elif feature_layer in ("auto", "output"):
        features = model.outputs[0]
    else:
        features = _layer_output(model, feature_layer)
    if features is model.inputs[0]:
        raise BackboneError(
            f"feature_layer={feature_layer!r} leaves no layer between the input and "
            "the features of the backbone."
        )
    rank = len(features.shape)
    if rank in _POOLING:
        with preserve_random_state():
            features = _POOLING[rank](name="feature_pooling")(features)
    elif rank != 2:
        raise BackboneError(
            f"feature_layer={feature_layer!r} gives an output of shape "
            f"{tuple(features.shape)}; expected (n, d) or feature maps to average."
        )
    if features.shape[-1] is None:
        raise BackboneError(
            f"feature_layer={feature_layer!r} gives a number of features that is not "
            "known beforehand; fix the input shape or cut after global pooling."
        )
    with preserve_random_state():
        cut_model = keras.Model(model.inputs[0], features, name=model.name)
    return cut_model, _head_weights(head)


def _head_weights(head):
    if not isinstance(head, keras.layers.Dense):
        return None
    kernel = head.get_weights()[0]
    bias = head.get_weights()[1] if head.use_bias else None
    bias = kernel[0] * 0 if bias is None else bias
    if kernel.shape[1] == 1:
        # A sigmoid unit is a softmax over (0, its input).
        kernel, bias = (
            keras.ops.convert_to_numpy(
                keras.ops.pad(a, [(0, 0)] * (a.ndim - 1) + [(1, 0)])
            )
            for a in (kernel, bias)
        )
    return [kernel, bias]


def _layer_output(model, name):
    names = [layer.name for layer in model.layers]
    if name not in names:
        close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise BackboneError(
            f"feature_layer={name!r} is not a layer of the backbone.{hint} Accepted: "
            f"'auto', 'output' or one of {names[1:]}."
        )
    # A layer that is used several times is cut where it is used last.
    nodes = [
        node
        for depth in sorted(model._nodes_by_depth, reverse=True)
        for node in model._nodes_by_depth[depth]
        if node.operation.name == name
    ]
    return nodes[-1].outputs[0]
