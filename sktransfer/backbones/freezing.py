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
        From the frontier to the features; None when all is frozen.
    frozen : list of keras.Layer
        Frozen weighted layers. Those that a random layer comes before stand in the
        suffix, not trainable.
    trained : list of keras.Layer
        Trained weighted layers, from input to output.
    """

    prefix: keras.Model | None
    suffix: keras.Model | None
    frozen: list
    trained: list


def split(model, depth):
    """Split a flat model after its first `depth` weighted layers.

    The prefix is all that neither a trained layer nor a random layer (dropout,
    augmentation) comes before, so that its output for a row never changes. The
    frontier is the set of tensors that cross from it into the suffix.

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
    end = order[id(trained[0])] if trained else len(order)
    constant = {id(model.inputs[0])}
    frontier = {}
    for node in _nodes(model):
        inputs = node.input_tensors
        if (
            order[id(node.operation)] < end
            and not _draws_random_numbers(node)
            and all(id(tensor) in constant for tensor in inputs)
        ):
            constant.update(id(tensor) for tensor in node.outputs)
        else:
            frontier.update({id(t): t for t in inputs if id(t) in constant})
    frontier = list(frontier.values())
    output = model.outputs[0]
    if id(output) in constant:
        return Split(model, None, frozen, trained)
    with preserve_random_state():
        starts_at_input = len(frontier) == 1 and frontier[0] is model.inputs[0]
        prefix = None if starts_at_input else _graph(model.inputs, frontier)
        suffix = model if starts_at_input else _graph(frontier, output)
    return Split(prefix, suffix, frozen, trained)


def _graph(inputs, outputs):
    # Keras expects a lone tensor bare.
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs)


def _draws_random_numbers(node):
    operation = node.operation
    return (
        isinstance(operation, keras.Layer)
        and node.arguments.kwargs.get("training") is not False
        and any(layer._seed_generators for layer in operation._flatten_layers())
    )


def _nodes(model):
    """Nodes of a flat model in topological order, without its input's."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if not node.is_input:
                yield node


def _freeze(layer):
    # On a TensorFlow model the flag of a parent does not always reach its children.
    for child in layer._flatten_layers():
        child.trainable = False
