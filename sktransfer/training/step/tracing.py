"""TensorFlow functions that are traced once."""

import contextlib
import inspect
import itertools

import tensorflow as tf
from tensorflow.python.framework import ops

from sktransfer.training.step.xla_code import XLA_CODE


def traced_once(function, signature, *, jit_compile=False):
    """Return a function that TensorFlow traces in its first call.

    Parameters
    ----------
    function : callable
        Function of tensors.
    signature : list of tf.TensorSpec
        Types of its arguments.
    jit_compile : bool, default=False
        Whether XLA compiles it.

    Returns
    -------
    callable
    """
    traced = []

    def call(*inputs):
        if not traced:
            run = _compiled_by_xla(function) if jit_compile else function
            compiled = tf.function(run, signature, autograph=False)
            traced.append(compiled.get_concrete_function())
            _forget_gradients(traced[0].graph)
        with XLA_CODE.used() if jit_compile else contextlib.nullcontext():
            return traced[0](*inputs)

    return call


def _compiled_by_xla(function):
    """Return a function that XLA compiles inside a graph, with one tensor as result.

    ``tf.function(jit_compile=True)`` compiles to the same code. But then TensorFlow
    keeps the graphs of loops in memory after the function is deleted.
    """
    # The unwrapped function does not log that it is deprecated.
    compile_by_xla = inspect.unwrap(tf.xla.experimental.compile)
    return lambda *inputs: compile_by_xla(function, list(inputs))[0]


def _forget_gradients(graph):
    """Empty the gradient functions that TensorFlow registered for a traced graph.

    It registers one for each call of an operation such as swish, until the process
    ends. Each keeps the graph in memory and is not needed after tracing.
    """
    definition = graph.as_graph_def()
    functions = [function.node_def for function in definition.library.function]
    for node in itertools.chain(definition.node, *functions):
        name = node.attr["_gradient_op_type"].s.decode()
        if name.startswith("CustomGradient-"):
            for cell in ops.gradient_registry.lookup(name).__closure__ or ():
                cell.cell_contents = None
