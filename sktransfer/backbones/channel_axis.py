"""Find the axis of the channels: the last one, or another with channels_first."""

import keras

from sktransfer._random import preserve_random_state
from sktransfer.backbones import graph

# Layers whose features are always on the last axis.
_CHANNELS_LAST = (
    keras.layers.Dense,
    keras.layers.Embedding,
    keras.layers.MultiHeadAttention,
    keras.layers.RNN,
)
_NORMALIZATIONS = (keras.layers.BatchNormalization, keras.layers.GroupNormalization)


def channel_axis(tensor):
    """Find the axis of the channels of a tensor in a flat model.

    Parameters
    ----------
    tensor : keras.KerasTensor
        Output of a layer.

    Returns
    -------
    int
        Axis that the last layer with a known order of axes uses; the last axis if there
        is no such layer.
    """
    rank = len(tensor.shape)
    node = graph.origin(tensor)
    axis = _own_axis(node.operation, rank)
    if axis is not None:
        return axis
    if not node.input_tensors or len(node.input_tensors[0].shape) != rank:
        return rank - 1
    order = _order(node.operation, rank)
    if order is None:
        return rank - 1
    return order.index(channel_axis(node.input_tensors[0]))


def input_channel_axis(model):
    """Find the axis of the channels of the input of a flat model.

    Parameters
    ----------
    model : keras.Model
        Flat functional model.

    Returns
    -------
    int
        Axis that the first layer with a known order of axes uses; the last axis if
        there is no such layer.
    """
    rank = len(model.inputs[0].shape)
    # The axis of the input that each axis of a tensor comes from.
    origins = {id(model.inputs[0]): list(range(rank))}
    for node in graph.nodes(model):
        known = [origins[id(t)] for t in node.input_tensors if id(t) in origins]
        if not known:
            continue
        axis = _own_axis(node.operation, rank)
        if axis is not None:
            return known[0][axis]
        order = _order(node.operation, rank)
        if order is None:
            continue
        for output in node.outputs:
            if len(output.shape) == rank:
                origins[id(output)] = [known[0][axis] for axis in order]
    return rank - 1


def with_channels_last(layers, model):
    """Let layers for images with channels last be applied to the input of a model.

    Parameters
    ----------
    layers : list of keras.Layer
        Layers without weights, for images with channels last.
    model : keras.Model
        Sequential or functional model that they are for.

    Returns
    -------
    list of keras.Layer
        With layers that permute the axes, if the model has channels first.
    """
    if len(model.input_shape) != 4:
        return layers
    if input_channel_axis(graph.flat_copy(model)) == 3:
        return layers
    with preserve_random_state():
        return [
            keras.layers.Permute((2, 3, 1), name="to_channels_last"),
            *layers,
            keras.layers.Permute((3, 1, 2), name="to_channels_first"),
        ]


def _own_axis(operation, rank):
    """Return the axis of the channels in an operation; None if it does not matter."""
    if rank < 3:
        return rank - 1
    if isinstance(operation, keras.layers.TimeDistributed):
        axis = _own_axis(operation.layer, rank - 1)
        return None if axis is None else axis + 1
    if isinstance(operation, keras.layers.Bidirectional):
        return _own_axis(operation.forward_layer, rank)
    if isinstance(operation, _NORMALIZATIONS):
        return operation.axis % rank
    data_format = getattr(operation, "data_format", None)
    if data_format == "channels_first":
        # Time comes before the channels.
        is_recurrent = isinstance(operation, keras.layers.RNN)
        n_axes = getattr(getattr(operation, "input_spec", None), "ndim", None) or rank
        n_positions = n_axes - (3 if is_recurrent else 2)
        return rank - n_positions - 1
    if data_format == "channels_last" or isinstance(operation, _CHANNELS_LAST):
        return rank - 1
    return None


def _order(operation, rank):
    """Return the input axis of each output axis; None if they are not the same."""
    if isinstance(operation, keras.layers.Permute):
        return [0, *operation.dims]
    if isinstance(operation, keras.layers.Reshape):
        return None
    # The operation of keras.ops.transpose.
    axes = getattr(operation, "axes", None)
    if type(operation).__name__ == "Transpose":
        return [*axes] if axes else list(reversed(range(rank)))
    return list(range(rank))
