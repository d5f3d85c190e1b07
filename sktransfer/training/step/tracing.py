"""TensorFlow functions that are traced once, and calls of models in them."""

import tensorflow as tf


def traced_once(function, signature, *, jit_compile=False):
    """Trace a function when it is first called; call the result from then on.

    Parameters
    ----------
    function : callable
        Function of tensors.
    signature : list of tf.TensorSpec
        What it is traced for.
    jit_compile : bool, default=False
        Whether XLA compiles it.

    Returns
    -------
    callable
    """
    traced = []

    def call(*inputs):
        if not traced:
            compiled = tf.function(
                function, signature, autograph=False, jit_compile=jit_compile
            )
            traced.append(compiled.get_concrete_function())
        return traced[0](*inputs)

    return call


def unwrap(inputs):
    """Give a model of one input the tensor itself, as Keras expects it."""
    return inputs[0] if len(inputs) == 1 else list(inputs)
