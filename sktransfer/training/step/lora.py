"""LoRA: low-rank updates that are trained instead of kernels."""

import keras
import numpy as np
import tensorflow as tf


class LowRank:
    r"""Low-rank updates: factors A and B are trained; kernels are :math:`W_0 + A B`.

    The factors have the shapes and initial values of Keras's ``enable_lora``: A is He
    uniform, B is zero, the scale is 1. That method would change the layers of a program
    that fits with other recipes share. Here the kernels always have the sum, for
    validation, callbacks and reading. If G is the gradient of a kernel, the gradients
    of its factors are :math:`G B^T` and :math:`A^T G`.

    Parameters
    ----------
    layers : list of list of keras.Variable
        Kernels of each layer.
    rank : int
        Number of columns of A.
    dtype : str
        Floating-point type of the factors.

    Attributes
    ----------
    layers : list of list of keras.Variable
        Factors of each layer, which the optimizer changes.
    weights : list of keras.Variable
        Kernels, whose gradients are computed.
    """

    def __init__(self, layers, rank, dtype):
        self.weights = [v for layer in layers for v in layer]
        # Keras always uses float32 for factors. These have the type of the kernels.
        self.layers = [
            [factor for kernel in layer for factor in _factors(kernel, rank, dtype)]
            for layer in layers
        ]
        self._factors = [v for layer in self.layers for v in layer]
        self._start = [
            tf.Variable(tf.zeros_like(kernel.value), trainable=False)
            for kernel in self.weights
        ]

    def start(self, rng, state=()):
        """Draw new factors, or set them and :math:`W_0` to an earlier state."""
        if not state:
            state = [kernel.numpy() for kernel in self.weights]
            for a, b in self._pairs():
                limit = np.sqrt(6 / np.prod(a.shape[:-1]))
                state += [rng.uniform(-limit, limit, a.shape), np.zeros(b.shape)]
        for variable, value in zip([*self._start, *self._factors], state, strict=True):
            variable.assign(value)
        self.update()

    def state(self):
        """Return the kernels at the start and the factors, a list of ndarray."""
        return [variable.numpy() for variable in [*self._start, *self._factors]]

    def gradients(self, gradients):
        """Replace the gradients of `weights`, which come first, by those of factors."""
        factor_gradients = []
        for gradient, (a, b) in zip(gradients, self._pairs(), strict=False):
            gradient = tf.convert_to_tensor(gradient)
            rank = b.shape[0]
            flat = tf.reshape(gradient, (-1, b.shape[1]))
            a_gradient = tf.matmul(flat, b.value, transpose_b=True)
            b_gradient = tf.matmul(
                tf.reshape(a.value, (-1, rank)), flat, transpose_a=True
            )
            factor_gradients += [tf.reshape(a_gradient, a.shape), b_gradient]
        return [*factor_gradients, *gradients[len(self.weights) :]]

    def update(self):
        """Set the kernels to :math:`W_0 + A B`."""
        for kernel, start, (a, b) in zip(
            self.weights, self._start, self._pairs(), strict=True
        ):
            kernel.assign(start + tf.tensordot(a.value, b.value, 1))

    def _pairs(self):
        return zip(self._factors[::2], self._factors[1::2], strict=True)


def _factors(kernel, rank, dtype):
    shapes = {"lora_a": (*kernel.shape[:-1], rank), "lora_b": (rank, kernel.shape[-1])}
    return [
        keras.Variable(np.zeros(shape), dtype=dtype, name=name)
        for name, shape in shapes.items()
    ]
