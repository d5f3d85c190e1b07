"""Frozen depth: which layers it freezes, and how it splits the model."""

import numbers
import reprlib
from dataclasses import dataclass

import keras

from sktransfer._random import preserve_random_state
from sktransfer._suggestions import did_you_mean
from sktransfer.backbones import graph
from sktransfer.backbones.configurations import INVALID_IN_NAMES
from sktransfer.exceptions import BackboneError


def weighted_layers(model):
    """List the layers with trainable weights of a flat model, from input to output."""
    return [
        operation
        for operation in model.operations
        if isinstance(operation, keras.Layer) and operation.trainable_variables
    ]


def resolve_depth(frozen_depth, layers):
    """Turn a frozen depth into a number of weighted layers.

    Parameters
    ----------
    frozen_depth : int, float or str
        Value of the parameter: a number of layers (negative: from the end), a
        fraction of the layers, "all", or the name of a layer. A name freezes the
        network up to and including that layer.
    layers : LayersTable
        Layers of the backbone.

    Returns
    -------
    int
        Number of frozen weighted layers, between 0 and ``layers.n_layers``.

    Raises
    ------
    TypeError, ValueError
        When `frozen_depth` has another type, is out of range, or is not the name of
        a layer.
    """
    n_layers = layers.n_layers
    accepted = (
        f"an int in [-{n_layers}, {n_layers}] (the backbone has {n_layers} weighted "
        "layers), a float in [0, 1], 'all' or the name of a layer"
    )
    if isinstance(frozen_depth, bool) or not isinstance(
        frozen_depth, (str, numbers.Real)
    ):
        raise TypeError(
            f"frozen_depth={frozen_depth!r} is of type "
            f"{type(frozen_depth).__name__}; expected {accepted}."
        )
    if isinstance(frozen_depth, str):
        depths = _depths_of_names(layers) | {"all": n_layers}
        if frozen_depth in depths:
            return depths[frozen_depth]
        hint = did_you_mean(frozen_depth, depths)
        if INVALID_IN_NAMES.search(frozen_depth):
            hint = " In names, '_' stands for characters that TensorFlow rejects."
        raise BackboneError(
            f"frozen_depth={frozen_depth!r} is not the name of a layer of the "
            f"backbone.{hint} Expected {accepted}. "
            f"Layers: {reprlib.repr(list(depths))}; Backbone.layers_table() lists all."
        )
    if isinstance(frozen_depth, numbers.Integral):
        if -n_layers <= frozen_depth <= n_layers:
            return int(frozen_depth) + (n_layers if frozen_depth < 0 else 0)
    elif 0 <= frozen_depth <= 1:
        return round(float(frozen_depth) * n_layers)
    raise ValueError(
        f"frozen_depth={frozen_depth!r} is out of range; expected {accepted}."
    )


def _depths_of_names(layers):
    depths, depth = {}, 0
    for row in layers:
        # A layer without weights ends at the depth of the weighted layers before it.
        depth = row["depth"] or depth
        depths[row["name"]] = depth
    return depths


@dataclass(frozen=True)
class Split:
    """A flat model in two parts: a frozen prefix and a trained suffix.

    Attributes
    ----------
    prefix : keras.Model or None
        From the input to the tensors where the suffix begins; None when the suffix
        begins at the input.
    suffix : keras.Model or None
        From the outputs of the prefix to the features; None when the prefix is the
        whole model.
    trained : list of keras.Layer
        Trained weighted layers, from input to output.
    """

    prefix: keras.Model | None
    suffix: keras.Model | None
    trained: list


def split(model, depth):
    """Split a flat model after its first `depth` weighted layers.

    The prefix holds everything whose output for a sample never changes. Frozen layers
    and the layers between them run in inference mode: batch normalization uses its
    pretrained statistics, dropout is off.

    Random layers before the first weighted layer (augmentation) and after the last
    frozen one stay active in training. What follows them is in the suffix. All layers
    of a model that passes masks on are in the suffix.

    Parameters
    ----------
    model : keras.Model
        Flat functional model. Both parts use its layers; frozen layers become not
        trainable.
    depth : int
        Number of frozen weighted layers.

    Returns
    -------
    Split
    """
    weighted = weighted_layers(model)
    frozen, trained = weighted[:depth], weighted[depth:]
    for layer in frozen:
        _freeze(layer)
    if any(getattr(layer, "uses_other_samples", False) for layer in model.layers):
        # The outputs for a sample are not the same in every batch.
        return Split(None, model, trained)
    order = {id(operation): i for i, operation in enumerate(model.operations)}
    begin = order[id(frozen[0])] if frozen else len(order)
    last = order[id(frozen[-1])] if frozen else -1
    end = order[id(trained[0])] if trained else len(order)

    def is_constant(node):
        position = order[id(node.operation)]
        is_active = _is_random(node.operation) and not begin <= position <= last
        return position < end and not is_active

    constant, frontier = _first_part(model, is_constant)
    source, output = model.inputs[0], model.outputs[0]
    if id(output) in constant:
        return Split(model, None, trained)
    if any(graph.has_mask(t) for node in _computed_nodes(model) for t in node.outputs):
        # The suffix would not get the mask of a tensor that the prefix computes.
        return Split(None, model, trained)
    at_input = len(frontier) == 1 and frontier[0] is source
    frozen_outputs = keras.tree.flatten(frozen[-1].output) if frozen else []
    with preserve_random_state():
        prefix = None if at_input else _between(model, [source], frontier)
        if all(id(tensor) in constant for tensor in frozen_outputs):
            suffix = model if at_input else _between(model, frontier, [output])
        else:
            suffix = _around_frozen(model, frontier, order, begin, last)
    return Split(prefix, suffix, trained)


class InferenceOnly(keras.Layer):
    """Run a model in inference mode, in training too.

    Parameters
    ----------
    model : keras.Model
        Model to run.
    """

    def __init__(self, model, **kwargs):
        super().__init__(**kwargs)
        self.model = model

    def call(self, inputs):
        """Run the model."""
        return self.model(inputs, training=False)


def _around_frozen(model, frontier, order, begin, last):
    """Make a suffix that has active augmentation and frozen layers in it."""
    _, before = _first_part(model, lambda node: order[id(node.operation)] < begin)
    _, after = _first_part(model, lambda node: order[id(node.operation)] <= last)
    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype) for t in frontier]
    augmented = _call(_between(model, frontier, before), inputs)
    features = _call(InferenceOnly(_between(model, before, after)), augmented)
    outputs = _call(_between(model, after, model.outputs), features)
    return _functional(inputs, outputs)


def _computed_nodes(model):
    """List the nodes of a flat model in topological order, except its input."""
    return [node for node in graph.nodes(model) if not node.is_input]


def _first_part(model, belongs):
    """Collect the tensors of the first part of a model.

    Parameters
    ----------
    model : keras.Model
        Flat functional model.
    belongs : callable
        Gets a node; returns whether it may be in the part. It is in the part when all
        nodes before it are, too.

    Returns
    -------
    inside : set of int
        Identities of the tensors that the part computes.
    frontier : list of keras.KerasTensor
        Tensors of the part that the rest of the model uses, or that are its output.
    """
    inside, frontier = {id(model.inputs[0])}, {}
    for node in _computed_nodes(model):
        inputs = node.input_tensors
        if belongs(node) and all(id(tensor) in inside for tensor in inputs):
            inside.update(id(tensor) for tensor in node.outputs)
        else:
            frontier.update({id(t): t for t in inputs if id(t) in inside})
    output = model.outputs[0]
    if id(output) in inside:
        frontier[id(output)] = output
    return inside, list(frontier.values())


def _between(model, begin, end):
    """Make a model from some tensors of a graph to later ones, with the same layers.

    ``keras.Model(begin, end)`` fails when both parts use the same layer.
    """
    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype) for t in begin]
    values = {id(t): new for t, new in zip(begin, inputs, strict=True)}
    for node in _computed_nodes(model):
        is_ready = all(id(tensor) in values for tensor in node.input_tensors)
        if is_ready and not all(id(tensor) in values for tensor in node.outputs):
            args, kwargs = node.arguments.fill_in(values)
            outputs = keras.tree.flatten(node.operation(*args, **kwargs))
            for tensor, new in zip(node.outputs, outputs, strict=True):
                values.setdefault(id(tensor), new)
    input_ids = {id(tensor) for tensor in inputs}
    # A tensor that is an input and an output needs an operation between.
    outputs = [
        keras.layers.Identity(dtype=t.dtype)(t) if id(t) in input_ids else t
        for t in (values[id(tensor)] for tensor in end)
    ]
    return _functional(inputs, outputs)


def _functional(inputs, outputs):
    return keras.Model(graph.unwrap(inputs), graph.unwrap(outputs))


def _call(layer, tensors):
    return keras.tree.flatten(layer(graph.unwrap(tensors)))


def _is_random(operation):
    return isinstance(operation, keras.Layer) and graph.seed_generators(operation)


def _freeze(layer):
    # On a TensorFlow model, the flag of a parent does not always reach its children.
    for part in graph.all_layers(layer):
        part.trainable = False
