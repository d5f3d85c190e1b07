"""Networks beside the head, and the loss of one that tells source from target."""

import keras
from keras import ops


def dense_network(n_inputs, hidden_units, n_outputs, *, dtype):
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

    Returns
    -------
    keras.Model
    """
    inputs = outputs = keras.Input((n_inputs,), dtype=dtype)
    for i, units in enumerate((*hidden_units, n_outputs)):
        outputs = keras.layers.Dense(
            int(units),
            activation="relu" if i < len(hidden_units) else None,
            dtype=dtype,
        )(outputs)
    return keras.Model(inputs, outputs)


def domain_loss(source_logits, target_logits, source_weight=1.0, target_weight=1.0):
    """Mean binary cross-entropy of the two domains, each of weight one half.

    A logit above 0 is for the source. Also gives the list of the share of rows whose
    domain is told right.
    """
    of_source = ops.mean(source_weight * ops.softplus(-source_logits[:, 0]))
    of_target = ops.mean(target_weight * ops.softplus(target_logits[:, 0]))
    hits = ops.concatenate([source_logits[:, 0] > 0, target_logits[:, 0] < 0])
    accuracy = ops.mean(ops.cast(hits, source_logits.dtype))
    return (of_source + of_target) / 2, [accuracy]
