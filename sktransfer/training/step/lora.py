"""LoRA: low-rank updates that are trained in place of kernels."""

import keras
import numpy as np
import tensorflow as tf


class LowRank:
    r"""The optimizer changes factors A and B; kernels are :math:`W_0 + A B`.

    They are shaped, and drawn, as Keras's ``enable_lora`` does: A is He uniform and B
    is zero, with a scale of 1. That method itself changes a layer for good, and the
    program of the network with it, which fits with other recipes share. Here the kernel
    always is the sum, for validation, callbacks and reading; and as the gradient of
    the kernel is known, those of the factors are :math:`G B^T` and :math:`A^T G`.

    Parameters
    ----------
    layers : list of list of keras.Variable
        Kernels, by layer.
    rank : int
        Columns of A.
    dtype : str
        Floating-point type of the factors.

    Attributes
    ----------
    layers : list of list of keras.Variable
        Factors that the optimizer changes, by layer.
    weights : list of keras.Variable
        Kernels that gradients are computed for.
    """

    def __init__(self, layers, rank, dtype):
        self.weights = [v for layer in layers for v in layer]
        # Keras gives factors float32 whatever the kernel has; these follow the kernel.
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
        """Draw the factors, or take them and :math:`W_0` from an earlier state."""
        if not state:
            state = [kernel.numpy() for kernel in self.weights]
            for a, b in self._pairs():
                limit = np.sqrt(6 / np.prod(a.shape[:-1]))
                state += [rng.uniform(-limit, limit, a.shape), np.zeros(b.shape)]
        for variable, value in zip([*self._start, *self._factors], state, strict=True):
            variable.assign(value)
        self.update()

    def state(self):
        """Return the kernels at the start, and the factors."""
        return [variable.numpy() for variable in [*self._start, *self._factors]]

    def gradients(self, gradients):
        """Turn gradients of `weights`, then of others, into those of the factors."""
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
        """Add the products to the kernels at the start."""
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
