"""TensorFlow functions that are traced once."""

import tensorflow as tf


def traced_once(function, signature):
    """Trace a function when it is first called; call the result from then on.

    Parameters
    ----------
    function : callable
        Function of tensors.
    signature : list of tf.TensorSpec
        What it is traced for.

    Returns
    -------
    callable
    """
    traced = []

    def call(*inputs):
        if not traced:
            compiled = tf.function(function, signature, autograph=False)
            traced.append(compiled.get_concrete_function())
        return traced[0](*inputs)

    return call
