"""Cut a model at its feature layer: find the old head, average feature maps."""

import keras
import numpy as np

from sktransfer._random import preserve_random_state
from sktransfer._suggestions import did_you_mean
from sktransfer.backbones import graph
from sktransfer.backbones.channel_axis import channel_axis
from sktransfer.backbones.files import OldHead
from sktransfer.exceptions import BackboneError

_POOLING = {
    3: keras.layers.GlobalAveragePooling1D,
    4: keras.layers.GlobalAveragePooling2D,
    5: keras.layers.GlobalAveragePooling3D,
}
# Layers that may follow a classification layer.
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
        The last weighted layer if it is a classification layer: Dense or a 1 x 1
        convolution, without activation or with softmax or sigmoid. Only an average
        over positions, and then a softmax, may follow it.
    features : keras.KerasTensor or None
        Its input.
    """
    tensor = model.outputs[0]
    if len(tensor.shape) != 2:
        return None, None
    averaged = False
    while True:
        node = graph.origin(tensor)
        operation = node.operation
        activation = getattr(operation, "activation", keras.activations.linear)
        if isinstance(operation, keras.layers.Softmax):
            activation = keras.activations.softmax
        # The mean of softmax outputs is not the softmax of a mean.
        if activation not in _HEAD_ACTIVATIONS[: 2 if averaged else None]:
            return None, None
        if isinstance(operation, (keras.layers.Dense, keras.layers.Conv2D)):
            break
        source = node.input_tensors[0] if node.input_tensors else None
        if isinstance(operation, _AVERAGING):
            averaged = True
        elif isinstance(operation, (keras.layers.Flatten, keras.layers.Reshape)):
            if any(size != 1 for size in _positions(source)):
                return None, None
        elif not isinstance(operation, _AFTER_HEAD):
            return None, None
        tensor = source
    if isinstance(operation, keras.layers.Conv2D) and set(operation.kernel_size) != {1}:
        return None, None
    return operation, node.input_tensors[0]


def cut(model, feature_layer):
    """Cut a flat model at its feature layer.

    Parameters
    ----------
    model : keras.Model
        Flat functional model.
    feature_layer : str
        "auto" (before the classification layer, or at the output if there is none),
        "output", or the name of a layer.

    Returns
    -------
    features : keras.Model
        From the input to features of shape (n, n_features). Feature maps are averaged
        over their positions.
    head : list of two ndarrays or None
        Kernel of shape (n_features, n_classes) and bias of shape (n_classes,) of the
        classification layer that was cut off.
    """
    head, features = None, model.outputs[0]
    if feature_layer == "auto":
        head, before_head = find_head(model)
        if before_head is model.inputs[0]:
            head = _check_only_layer(model, head)
        features = features if head is None else before_head
    elif feature_layer != "output":
        features = _layer_output(model, feature_layer)
    if features is model.inputs[0]:
        raise BackboneError(
            f"feature_layer={feature_layer!r} leaves no layer between the input and "
            "the features of the backbone."
        )
    rank = len(features.shape)
    if rank in _POOLING:
        with preserve_random_state():
            features = _average_positions(features, model)
    elif rank != 2:
        raise BackboneError(
            f"feature_layer={feature_layer!r} has an output of shape "
            f"{tuple(features.shape)}; expected (n, n_features), or feature maps with "
            "1 to 3 dimensions of positions."
        )
    if features.shape[-1] is None:
        raise BackboneError(
            f"feature_layer={feature_layer!r} has a number of features that is not "
            "known before the model gets data. Give the model a fixed input shape, or "
            "choose a layer after global pooling."
        )
    with preserve_random_state():
        cut_model = keras.Model(model.inputs[0], features, name=model.name)
    return cut_model, _head_weights(head)


def find_old_head(model, feature_layer):
    """Find the layers of a model that are cut off.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional; it is not changed.
    feature_layer : str
        As in :func:`cut`.

    Returns
    -------
    OldHead
    """
    twin = graph.duplicate(model)
    features, _ = cut(graph.flatten(twin), feature_layer)
    used = {
        id(layer)
        for operation in features.operations
        if isinstance(operation, keras.Layer)
        for layer in graph.all_layers(operation)
    }
    pairs = zip(graph.all_layers(model), graph.all_layers(twin), strict=True)
    layers = [
        layer
        for layer, twin_layer in pairs
        if layer.weights and not graph.is_graph(layer) and id(twin_layer) not in used
    ]
    return OldHead(layers, features.output_shape[-1])


def _positions(tensor):
    """Return the sizes of all axes but those of samples and channels."""
    axis = channel_axis(tensor)
    return [size for i, size in enumerate(tensor.shape) if i not in (0, axis)]


def _average_positions(maps, model):
    """Average feature maps over all axes but those of samples and channels."""
    rank, axis = len(maps.shape), channel_axis(maps)
    if axis not in (1, rank - 1):
        others = [i for i in range(1, rank) if i != axis]
        name = graph.free_name("channels_last", model)
        maps = keras.layers.Permute((*others, axis), name=name)(maps)
        axis = rank - 1
    data_format = "channels_last" if axis == rank - 1 else "channels_first"
    name = graph.free_name("feature_pooling", model)
    return _POOLING[rank](data_format=data_format, name=name)(maps)


def _check_only_layer(model, head):
    """Return None if the only layer of a model gives features, not classes."""
    classifies = any(
        isinstance(operation, keras.layers.Softmax)
        or getattr(operation, "activation", None) not in _HEAD_ACTIVATIONS[:2]
        for operation in model.operations
    )
    if classifies:
        raise BackboneError(
            "feature_layer='auto' leaves no layer between the input and the features "
            f"of backbone={model.name!r}: it cuts off the classification layer "
            f"{head.name!r}, and there is no layer before it. Use a network with more "
            "layers, or feature_layer='output', whose features are the outputs of that "
            "layer."
        )
    return None


def sort_classes(classes, head, name):
    """Sort class labels, and the columns of the head in the same order.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
        Class labels.
    head : list of two ndarrays or None
        Kernel and bias from :func:`cut`.
    name : str
        Name of the model, for the message.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted labels.
    head : list of two ndarrays or None
        Kernel and bias with sorted columns.
    """
    classes = np.asarray(classes)
    if head is None:
        return np.sort(classes), None
    kernel, bias = head
    if len(classes) != len(bias):
        raise ValueError(
            f"classes has {len(classes)} labels; the classification layer of {name!r} "
            f"has {len(bias)} columns."
        )
    order = np.argsort(classes)
    return classes[order], [kernel[:, order], bias[order]]


def _head_weights(head):
    if not isinstance(head, keras.layers.Dense):
        return None
    kernel, *bias = head.get_weights()
    bias = bias[0] if bias else np.zeros_like(kernel[0])
    if kernel.shape[1] == 1:
        # A sigmoid unit is a softmax over 0 and its input.
        kernel, bias = np.pad(kernel, [(0, 0), (1, 0)]), np.pad(bias, (1, 0))
    return [kernel, bias]


def _layer_output(model, name):
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise BackboneError(
            f"feature_layer={name!r} is not a layer of the backbone."
            f"{did_you_mean(name, names[1:], cutoff=0.4)} Accepted: 'auto', 'output' "
            f"or one of {names[1:]}."
        )
    # A layer that is used several times is cut at its last use.
    uses = [node for node in graph.nodes(model) if node.operation.name == name]
    return uses[-1].outputs[0]
