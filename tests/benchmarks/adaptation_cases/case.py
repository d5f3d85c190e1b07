"""What a case is: rows of a source and of a target, drawn by a seed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Rows of both domains, with classes 0, 1, ...

    Attributes
    ----------
    X_source, X_target : ndarray of shape (n, n_features), float64
        Rows.
    y_source, y_target : ndarray of shape (n,), int
        Class indices.
    """

    X_source: np.ndarray
    y_source: np.ndarray
    X_target: np.ndarray
    y_target: np.ndarray

    @classmethod
    def from_domains(cls, X, y, sample_domain):
        """Split rows by the sign of their domain."""
        source = sample_domain >= 0
        return cls(X[source], y[source], X[~source], y[~source])


@dataclass(frozen=True)
class Case:
    """A source, a target and the network that is to move from one to the other.

    Attributes
    ----------
    family : {"toy", "digits", "convolution", "table", "control"}
        Whose table of the report it stands in; a control has no gap to close.
    title : str
        What is predicted, from where to where.
    draw : callable
        Gives :class:`Rows` for a seed.
    backbone : {"mlp", "convolution"}
        The built-in network for tables, or the small convolutional network with
        BatchNormalization, trained on the source.
    neighbors : bool
        Whether the neighbors run it too.
    learning_rate : float
        Of all methods, and of the training on the source alone or the target alone.
    """

    family: str
    title: str
    draw: Callable[[int], Rows]
    backbone: str = "mlp"
    neighbors: bool = False
    learning_rate: float = 1e-3
