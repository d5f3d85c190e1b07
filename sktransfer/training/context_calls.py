"""Calls of a network with a context, of which much is computed once for all rows."""

import tensorflow as tf

from sktransfer.backbones.tabular.in_context import recall, remember
from sktransfer.training.tracing import traced_once


class ContextCalls:
    """Gives the features of rows, and what a layer makes of them.

    Parameters
    ----------
    model : keras.Model
        With a context.
    head : keras.layers.Layer
        What comes after it.
    on_trace : callable
        Called whenever TensorFlow traces a function.
    """

    def __init__(self, model, head, on_trace):
        self._model, self._head, self._on_trace = model, head, on_trace
        self._remember = traced_once(self._traced(lambda: remember(model)), [])
        self._functions = {}
        self._memory = None

    def forget(self):
        """Note that weights or the context have changed."""
        self._memory = None

    def features(self, x):
        """Compute the features of rows, as a list of one tensor."""
        return self._call("features", lambda features: features, x)

    def logits(self, x):
        """Compute what the head makes of them, as a list of one tensor."""
        return self._call("logits", self._head, x)

    def _call(self, name, after, x):
        if self._memory is None:
            self._memory = self._remember()
        if name not in self._functions:
            rows = tf.TensorSpec(self._model.inputs[0].shape, x.dtype)
            memory = [tf.TensorSpec(t.shape, t.dtype) for t in self._memory]
            self._functions[name] = traced_once(
                self._traced(lambda x, *m: [after(recall(self._model, m, x))]),
                [rows, *memory],
            )
        return self._functions[name](x, *self._memory)

    def _traced(self, function):
        def run(*inputs):
            self._on_trace()
            return function(*inputs)

        return run
