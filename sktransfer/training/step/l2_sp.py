"""L2-SP: the distance of weights to where they started."""

import tensorflow as tf


class Anchors:
    """Values that weights are pulled towards.

    Parameters
    ----------
    weights : list of keras.Variable
        Of the backbone; empty where nothing is pulled.
    """

    def __init__(self, weights):
        self._weights = weights
        self._values = [
            tf.Variable(tf.zeros_like(weight.value), trainable=False)
            for weight in weights
        ]

    def note(self):
        """Take the present weights as those that are pulled towards."""
        for value, weight in zip(self._values, self._weights, strict=True):
            value.assign(weight.value)

    def penalties(self):
        """Give half the squared distance, as a list of one tensor, or of none."""
        distances = [
            tf.reduce_sum(tf.square(weight.value - value))
            for weight, value in zip(self._weights, self._values, strict=True)
        ]
        return [tf.add_n(distances) / 2] if distances else []
