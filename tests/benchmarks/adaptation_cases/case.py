"""What a case is: rows of a source and of a target, drawn by a seed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split


@dataclass(frozen=True)
class Rows:
    """Rows of both domains, with classes 0, 1, ...

    Attributes
    ----------
    X_source, X_target : ndarray of shape (n, n_features), float64
        Rows.
    y_source, y_target : ndarray of shape (n,), int
        Class indices.
    X_new, y_new : ndarray or None
        More rows of the target, which no method sees before it is scored on them. None
        scores a method on `X_target`.
    """

    X_source: np.ndarray
    y_source: np.ndarray
    X_target: np.ndarray
    y_target: np.ndarray
    X_new: np.ndarray | None = None
    y_new: np.ndarray | None = None

    @property
    def X_scored(self):
        """Rows of the target that methods are scored on."""
        return self.X_target if self.X_new is None else self.X_new

    @property
    def y_scored(self):
        """Class indices of `X_scored`."""
        return self.y_target if self.y_new is None else self.y_new

    @classmethod
    def from_domains(cls, X, y, sample_domain):
        """Split rows by the sign of their domain."""
        source = sample_domain >= 0
        return cls(X[source], y[source], X[~source], y[~source])

    def hold_out(self, seed):
        """Return a copy that keeps half of the target, by class, for the scores."""
        seen, new = train_test_split(
            np.arange(len(self.y_target)),
            test_size=0.5,
            stratify=self.y_target,
            random_state=seed,
        )
        return Rows(
            self.X_source,
            self.y_source,
            self.X_target[seen],
            self.y_target[seen],
            self.X_target[new],
            self.y_target[new],
        )


@dataclass(frozen=True)
class Case:
    """A source, a target and the network that is to move from one to the other.

    Attributes
    ----------
    family : {"toy", "digits", "convolution", "table", "control", "report"}
        Whose table of the report it stands in; a control has no gap to close. Nothing
        was chosen by the cases of "report".
    title : str
        What is predicted, from where to where.
    make : callable
        Gives :class:`Rows` for a seed.
    held_out : bool
        Whether methods are scored on rows of the target that they did not see.
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
    make: Callable[[int], Rows]
    backbone: str = "mlp"
    neighbors: bool = False
    learning_rate: float = 1e-3
    held_out: bool = False

    def draw(self, seed):
        """Draw the rows of a seed."""
        rows = self.make(seed)
        return rows.hold_out(seed) if self.held_out else rows
