"""What a training is told of each row's class, and how the loss reads it."""

import numpy as np
import tensorflow as tf


class ClassIndices:
    """One class a row: an int32 index.

    Attributes
    ----------
    shape : tuple
        Of the label of one row.
    dtype : type
        Of the array of labels.
    """

    shape, dtype = (), np.int32

    @staticmethod
    def log_proba(log_proba, y):
        """Give the log-probability of the label of each row, of shape (n,)."""
        return tf.gather(log_proba, y, axis=1, batch_dims=1)


class ClassShares:
    """A share of each class in a row: the shares of mixed rows, which sum to 1.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    dtype : str
        Floating-point type.

    Attributes
    ----------
    shape, dtype
        As of :class:`ClassIndices`.
    """

    def __init__(self, n_classes, dtype):
        self.shape, self.dtype = (n_classes,), np.dtype(dtype).type

    @staticmethod
    def log_proba(log_proba, y):
        """Give the mean log-probability of the classes of each row, of shape (n,)."""
        return tf.reduce_sum(y * log_proba, axis=1)
