"""Calls of a network with a context, of which much is computed once for all rows."""

import threading

import keras
import tensorflow as tf

from sktransfer.tables.in_context.in_context import (
    blocks_of,
    context_of,
    recall,
    remember,
)
from sktransfer.tables.in_context.views import Views
from sktransfer.training.step.tracing import traced_once

_functions = {}
_lock = threading.Lock()


class ContextCalls:
    """Gives the features of rows, and what a layer makes of them.

    Parameters
    ----------
    model : keras.Model
        With a context.
    head : keras.layers.Layer
        What comes after it.
    """

    def __init__(self, model, head):
        self._context, self._head = context_of(model), head
        self._network = _network_variables(model)
        self._remember, self._recall = _functions_of(model)
        self._memory = None

    def forget(self):
        """Note that weights or the context have changed."""
        self._memory = None

    def features(self, x):
        """Compute the features of rows, as a list of one tensor."""
        inputs = [v.value for v in self._network] + list(self._context.views)
        if self._memory is None:
            self._memory = self._remember(*inputs)
        return [self._recall(x, *inputs, *self._memory)]

    def logits(self, x):
        """Compute what the head makes of them, as a list of one tensor."""
        return [self._head(self.features(x)[0])]


def _network_variables(model):
    own = {id(variable) for variable in context_of(model).weights}
    return [variable for variable in model.weights if id(variable) not in own]


def _functions_of(model):
    """Return functions that all models of the same network share.

    Tables differ in rows, columns and classes, and a trace takes seconds: these two are
    traced once in a process, for tables of any shape, with weights as arguments.
    """
    context, network = context_of(model), _network_variables(model)
    key = (
        context.compute_dtype,
        blocks_of(model)[0].n_heads,
        *(tuple(variable.shape) for variable in network),
    )
    with _lock:
        if key not in _functions:
            _functions[key] = _make_functions(model, context, network)
        return _functions[key]


def _make_functions(model, context, network):
    n, n_views = len(network), len(Views._fields)
    signature = [tf.TensorSpec(v.shape, v.dtype) for v in network]
    signature += [_any_size(tensor) for tensor in context.views]
    rows = tf.TensorSpec((None, None), context.compute_dtype)
    block = blocks_of(model)[0]
    n_heads, width = block.n_heads, model.get_layer("cells").width
    keys = tf.TensorSpec((None, None, n_heads, width // n_heads), rows.dtype)
    # Mean, scale and the columns, rows and classes that do not count.
    memory = [tf.TensorSpec([None] * rank, rows.dtype) for rank in (3, 3, 2, 2, 2)]
    memory += [keys, keys] * len(blocks_of(model))

    def remembered(*inputs):
        with keras.StatelessScope(zip(network, inputs[:n], strict=True)):
            return remember(model, Views(*inputs[n:]))

    def recalled(x, *inputs):
        with keras.StatelessScope(zip(network, inputs[:n], strict=True)):
            return recall(
                model, Views(*inputs[n : n + n_views]), inputs[n + n_views :], x
            )

    return (
        traced_once(remembered, signature),
        traced_once(recalled, [rows, *signature, *memory]),
    )


def _any_size(tensor):
    return tf.TensorSpec([None] * tensor.shape.rank, tensor.dtype)
