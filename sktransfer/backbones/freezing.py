"""Frozen depth: which layers it freezes, and the graph split there."""

import numbers
from dataclasses import dataclass

import keras

from sktransfer.backbones._random import preserve_random_state


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
    normalisation uses its pretrained statistics, dropout is off. The prefix is all
    that gives the same output for a row every time. Random layers before the first
    weighted layer (augmentation) and after the last frozen one stay active in
    training; what comes behind them is in the suffix. The frontier is the set of
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
    order = {id(operation): i for i, operation in enumerate(model.operations)}
    begin = order[id(frozen[0])] if frozen else len(order)
    last = order[id(frozen[-1])] if frozen else -1
    end = order[id(trained[0])] if trained else len(order)

    def is_constant(node):
        position = order[id(node.operation)]
        random = _is_random(node.operation)
        return position < end and not (random and not begin <= position < last)

    with preserve_random_state():
        constant, frontier = _first_part(model, is_constant)
        output = model.outputs[0]
        if id(output) in constant:
            return Split(model, None, trained)
        starts_at_input = len(frontier) == 1 and frontier[0] is model.inputs[0]
        prefix = None if starts_at_input else _graph(model.inputs, frontier)
        if frozen and id(frozen[-1].output) not in constant:
            suffix = _around_frozen(model, frontier, order, begin, last)
        else:
            suffix = model if starts_at_input else _graph(frontier, output)
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
    tensors = _call(_graph(frontier, before), inputs)
    tensors = _call(InferenceOnly(_graph(before, after)), tensors)
    if after[0] is not model.outputs[0]:
        tensors = _call(_graph(after, model.outputs[0]), tensors)
    return _graph(inputs, tensors[0])


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
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            inputs = node.input_tensors
            if belongs(node) and all(id(tensor) in inside for tensor in inputs):
                inside.update(id(tensor) for tensor in node.outputs)
            else:
                frontier.update({id(t): t for t in inputs if id(t) in inside})
    output = model.outputs[0]
    if id(output) in inside:
        frontier[id(output)] = output
    return inside, list(frontier.values())


def _graph(inputs, outputs):
    # Keras expects a lone tensor bare.
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs)


def _call(layer, tensors):
    outputs = layer(tensors[0] if len(tensors) == 1 else tensors)
    return outputs if isinstance(outputs, (list, tuple)) else [outputs]


def _is_random(operation):
    return isinstance(operation, keras.Layer) and any(
        layer._seed_generators for layer in operation._flatten_layers()
    )


def _freeze(layer):
    # On a TensorFlow model the flag of a parent does not always reach its children.
    for child in layer._flatten_layers():
        child.trainable = False
