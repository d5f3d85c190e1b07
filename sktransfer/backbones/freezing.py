"""Frozen depth: which layers it freezes, and the graph split there."""

import numbers
from dataclasses import dataclass

import keras

from sktransfer._random import preserve_random_state


def weighted_layers(model):
    """Layers with trainable weights of a flat model, from input to output."""
    return [
        operation
        for operation in model.operations
        if isinstance(operation, keras.Layer) and operation.trainable_variables
    ]


def resolve_depth(frozen_depth, n_layers):
    """Turn a frozen depth into a number of weighted layers.

    Parameters
    ----------
    frozen_depth : int, float or "all"
        As given by the user.
    n_layers : int
        Weighted layers of the backbone.

    Returns
    -------
    int
        Between 0 and `n_layers`.

    Raises
    ------
    TypeError, ValueError
        When it is of another type, or out of range.
    """
    if isinstance(frozen_depth, str) and frozen_depth == "all":
        return n_layers
    accepted = (
        f"an int in [-{n_layers}, {n_layers}] (the backbone has {n_layers} weighted "
        "layers), a float in [0, 1] or 'all'"
    )
    if isinstance(frozen_depth, bool) or not isinstance(
        frozen_depth, (str, numbers.Real)
    ):
        raise TypeError(
            f"frozen_depth={frozen_depth!r} is of type "
            f"{type(frozen_depth).__name__}; expected {accepted}."
        )
    if isinstance(frozen_depth, numbers.Integral):
        if -n_layers <= frozen_depth <= n_layers:
            return (
                int(frozen_depth) % n_layers if frozen_depth < 0 else int(frozen_depth)
            )
    elif isinstance(frozen_depth, numbers.Real) and 0 <= frozen_depth <= 1:
        return round(float(frozen_depth) * n_layers)
    raise ValueError(
        f"frozen_depth={frozen_depth!r} is not valid; expected {accepted}."
    )


@dataclass(frozen=True)
class Split:
    """A flat model as a frozen prefix and a trained suffix.

    Attributes
    ----------
    prefix : keras.Model or None
        From the input to the frontier, a list of tensors; None when nothing is
        computed before the frontier.
    suffix : keras.Model or None
        From the frontier to the features; None when nothing is left.
    trained : list of keras.Layer
        Trained weighted layers, from input to output.
    """

    prefix: keras.Model | None
    suffix: keras.Model | None
    trained: list


def split(model, depth):
    """Split a flat model after its first `depth` weighted layers.

    Frozen layers run in inference mode, with what stands between them: batch
    normalization uses its pretrained statistics, dropout is off. The prefix is all
    that gives the same output for a row every time. Random layers before the first
    weighted layer (augmentation) and after the last frozen one stay active in
    training; what comes behind them is in the suffix, and so is all of a model that
    passes masks on. The frontier is the set of
    tensors that cross from the prefix into the suffix.

    Parameters
    ----------
    model : keras.Model
        Flat functional model; its layers are shared, and frozen ones are marked
        not trainable.
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
        random = _is_random(node.operation)
        return position < end and not (random and not begin <= position <= last)

    constant, frontier = _first_part(model, is_constant)
    source, output = model.inputs[0], model.outputs[0]
    if id(output) in constant:
        return Split(model, None, trained)
    if any(getattr(t, "_keras_mask", None) is not None for t in _tensors(model)):
        # A mask does not cross a frontier.
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
    """Runs a model in inference mode, in training too.

    Parameters
    ----------
    model : keras.Model
        What to run.
    """

    def __init__(self, model, **kwargs):
        super().__init__(**kwargs)
        self.model = model

    def call(self, inputs):
        """Run the model."""
        return self.model(inputs, training=False)


def _around_frozen(model, frontier, order, begin, last):
    """Suffix with frozen layers in it, behind active augmentation."""
    _, before = _first_part(model, lambda node: order[id(node.operation)] < begin)
    _, after = _first_part(model, lambda node: order[id(node.operation)] <= last)
    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype) for t in frontier]
    augmented = _call(_between(model, frontier, before), inputs)
    features = _call(InferenceOnly(_between(model, before, after)), augmented)
    outputs = _call(_between(model, after, model.outputs), features)
    return _graph(inputs, outputs)


def _nodes(model):
    """Nodes of a flat model in topological order, without its input's."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if not node.is_input:
                yield node


def _tensors(model):
    return [tensor for node in _nodes(model) for tensor in node.outputs]


def _first_part(model, belongs):
    """Find the nodes that belong to a part, as do all those before them.

    Returns
    -------
    inside : set of int
        Identities of the tensors that the part computes.
    frontier : list of keras.KerasTensor
        Those of them that the rest, or the output, needs.
    """
    inside, frontier = {id(model.inputs[0])}, {}
    for node in _nodes(model):
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
    """Model from some tensors of a graph to later ones, of the same layers.

    Keras's own `keras.Model(begin, end)` fails where a layer is used on both sides.
    """
    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype) for t in begin]
    values = {id(t): new for t, new in zip(begin, inputs, strict=True)}
    for node in _nodes(model):
        known = all(id(tensor) in values for tensor in node.input_tensors)
        if known and not all(id(tensor) in values for tensor in node.outputs):
            args, kwargs = node.arguments.fill_in(values)
            outputs = keras.tree.flatten(node.operation(*args, **kwargs))
            for tensor, new in zip(node.outputs, outputs, strict=True):
                values.setdefault(id(tensor), new)
    outputs = [values[id(tensor)] for tensor in end]
    # A tensor that only passes through needs an operation of its own.
    passing = {id(tensor) for tensor in inputs}
    outputs = [
        keras.layers.Identity(dtype=t.dtype)(t) if id(t) in passing else t
        for t in outputs
    ]
    return _graph(inputs, outputs)


def _graph(inputs, outputs):
    # Keras expects a lone tensor bare.
    return keras.Model(
        inputs[0] if len(inputs) == 1 else inputs,
        outputs[0] if len(outputs) == 1 else outputs,
    )


def _call(layer, tensors):
    return keras.tree.flatten(layer(tensors[0] if len(tensors) == 1 else tensors))


def _is_random(operation):
    return isinstance(operation, keras.Layer) and any(
        layer._seed_generators for layer in operation._flatten_layers()
    )


def _freeze(layer):
    # On a TensorFlow model the flag of a parent does not always reach its children.
    for child in layer._flatten_layers():
        child.trainable = False
