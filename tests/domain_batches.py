"""Batches of random rows of two domains, and networks of NumPy."""

import numpy as np
import tensorflow as tf

from sktransfer.adaptation import DomainBatch

N, D, C = 12, 5, 3


def batch_of(seed=0, *, d=D, shift=0.5):
    rng = np.random.default_rng(seed)
    return DomainBatch(
        source_features=tf.constant(rng.normal(size=(N, d))),
        target_features=tf.constant(rng.normal(size=(N, d)) * 1.5 + shift),
        source_logits=tf.constant(2 * rng.normal(size=(N, C))),
        target_logits=tf.constant(2 * rng.normal(size=(N, C))),
        source_y=tf.constant(rng.integers(0, C, N), tf.int32),
    )


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def relu_network(network, x):
    *hidden, last = [layer.get_weights() for layer in network.layers if layer.weights]
    for kernel, bias in hidden:
        x = np.maximum(x @ kernel + bias, 0)
    return x @ last[0] + last[1]
