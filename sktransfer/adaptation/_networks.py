"""Networks beside the head, and the loss of one that tells source from target."""

import keras
from keras import ops


def dense_network(n_inputs, hidden_units, n_outputs, *, dtype, seed):
    """Make a network of dense layers that ends in logits.

    Parameters
    ----------
    n_inputs : int
        Size of its input.
    hidden_units : tuple of int
        Units of each hidden layer.
    n_outputs : int
        Number of logits.
    dtype : str
        Floating-point type.
    seed : int
        Seed of the initial weights.

    Returns
    -------
    keras.Model
    """
    inputs = outputs = keras.Input((n_inputs,), dtype=dtype)
    for i, units in enumerate((*hidden_units, n_outputs)):
        outputs = keras.layers.Dense(
            units,
            activation="relu" if i < len(hidden_units) else None,
            kernel_initializer=keras.initializers.GlorotUniform(seed + i),
            dtype=dtype,
        )(outputs)
    return keras.Model(inputs, outputs)


def domain_loss(source_logits, target_logits, source_weight=1.0, target_weight=1.0):
    """Mean binary cross-entropy of the two domains, each of weight one half.

    A logit above 0 is for the source.
    """
    of_source = ops.mean(source_weight * ops.softplus(-source_logits[:, 0]))
    of_target = ops.mean(target_weight * ops.softplus(target_logits[:, 0]))
    return (of_source + of_target) / 2
