"""Parts that adversarial methods share: networks, reversed gradients."""

import keras
from keras import ops


def dense_network(n_inputs, hidden_units, n_outputs, *, dtype):
    """Make a network of dense layers with ReLU whose outputs are logits.

    Parameters
    ----------
    n_inputs : int
        Number of inputs.
    hidden_units : tuple of int
        Number of units of each hidden layer.
    n_outputs : int
        Number of logits.
    dtype : str
        Floating-point type.

    Returns
    -------
    keras.Model
    """
    inputs = outputs = keras.Input((n_inputs,), dtype=dtype)
    for units in hidden_units:
        layer = keras.layers.Dense(int(units), activation="relu", dtype=dtype)
        outputs = layer(outputs)
    outputs = keras.layers.Dense(int(n_outputs), dtype=dtype)(outputs)
    return keras.Model(inputs, outputs)


def reverse_gradient(x, strength):
    """Return x unchanged, with its gradient multiplied by minus `strength`."""
    return (1 + strength) * ops.stop_gradient(x) - strength * x


def domain_loss(source_logits, target_logits, source_weight=1.0, target_weight=1.0):
    """Compute the loss of a discriminator between source and target.

    Parameters
    ----------
    source_logits, target_logits : tensor of shape (n, 1)
        A logit above 0 predicts the source.
    source_weight, target_weight : tensor of shape (n,) or float, default=1.0
        Weights of the samples, with a mean of 1.

    Returns
    -------
    loss : tensor
        Mean binary cross-entropy. Each domain contributes one half.
    metrics : list of one tensor
        Accuracy of the discriminator.
    """
    source_loss = ops.mean(source_weight * ops.softplus(-source_logits[:, 0]))
    target_loss = ops.mean(target_weight * ops.softplus(target_logits[:, 0]))
    is_correct = ops.concatenate([source_logits[:, 0] > 0, target_logits[:, 0] < 0])
    accuracy = ops.mean(ops.cast(is_correct, source_logits.dtype))
    return (source_loss + target_loss) / 2, [accuracy]
