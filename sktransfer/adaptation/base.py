"""What an adaptation method is: a loss over a batch of source and target rows."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from keras import ops
from sklearn.base import BaseEstimator


@dataclass(frozen=True)
class DomainBatch:
    """What the network makes of a batch of source rows and one of target rows.

    Attributes
    ----------
    source_features, target_features : tensor of shape (n, n_features)
        What goes into the head.
    source_logits, target_logits : tensor of shape (n, n_classes)
        What comes out of it.
    source_y : tensor of shape (n,), int32
        Class indices of the source rows. Those of target rows are not here.
    """

    source_features: Any
    target_features: Any
    source_logits: Any
    target_logits: Any
    source_y: Any


class AdaptationMethod(BaseEstimator, ABC):
    """Base of the adaptation methods.

    A method holds parameters only. Networks of its own are made by :meth:`build` for
    each program, and handed to :meth:`loss`.
    """

    def __init__(self, trade_off=1.0):
        self.trade_off = trade_off

    @staticmethod
    def schedule(progress):
        """Return the factor on `trade_off` at a progress in [0, 1]; 1 by default.

        Parameters
        ----------
        progress : float or tensor
            Gradient steps done over those planned.

        Returns
        -------
        float or tensor
        """
        return 1.0

    def build(self, n_features, n_classes, *, dtype, seed):
        """Make the networks that are trained beside the head; none by default.

        Parameters
        ----------
        n_features, n_classes : int
            Sizes of what goes into the head and of what comes out.
        dtype : str
            Floating-point type.
        seed : int
            Seed of their initial weights.

        Returns
        -------
        list of keras.Model
        """
        return []

    @abstractmethod
    def loss(self, batch, strength, networks):
        """Compute what is added to the cross-entropy of the source rows.

        Parameters
        ----------
        batch : DomainBatch
            Both domains have the same number of rows.
        strength : tensor
            `trade_off` times the schedule; at 0 the features must not be changed.
        networks : list of keras.Model
            From :meth:`build`.

        Returns
        -------
        tensor
            A scalar.
        """


def grow(progress):
    r"""Grow from 0 to 1 as :math:`\lambda_q = 2 / (1 + e^{-10 q}) - 1`."""
    return 2 / (1 + ops.exp(-10 * progress)) - 1


def reverse_gradient(x, strength):
    """Give x as it is, with a gradient that is multiplied by minus `strength`."""
    return (1 + strength) * ops.stop_gradient(x) - strength * x


def entropy(logits):
    """Entropy of the softmax of each row, in nats."""
    log_proba = ops.log_softmax(logits)
    return -ops.sum(ops.exp(log_proba) * log_proba, axis=1)


def cross_entropy(logits, y):
    """Cross-entropy of each row with its class index."""
    log_proba = ops.log_softmax(logits)
    return -ops.squeeze(ops.take_along_axis(log_proba, y[:, None], axis=1), axis=1)
