"""L2-SP: the distance of weights to where they started."""

import tensorflow as tf


class Anchors:
    """Starting values of weights, for a penalty on the distance to them.

    Parameters
    ----------
    weights : list of keras.Variable
        Weights of the backbone. Without L2-SP the list is empty.
    """

    def __init__(self, weights):
        self._weights = weights
        self._values = [
            tf.Variable(tf.zeros_like(weight.value), trainable=False)
            for weight in weights
        ]

    def store(self):
        """Store the current weights as the starting values."""
        for value, weight in zip(self._values, self._weights, strict=True):
            value.assign(weight.value)

    def penalties(self):
        """Return a list with half the squared distance; without weights, no items."""
        distances = [
            tf.reduce_sum(tf.square(weight.value - value))
            for weight, value in zip(self._weights, self._values, strict=True)
        ]
        return [tf.add_n(distances) / 2] if distances else []
