"""Immutable values: copies of them are the same object."""

import numpy as np


class Immutable:
    """Base class of values whose attributes are set once, by ``object.__setattr__``."""

    __slots__ = ()

    def __setattr__(self, name, value):
        raise AttributeError(
            f"{type(self).__name__} is immutable; cannot set {name!r}."
        )

    def __delattr__(self, name):
        raise AttributeError(
            f"{type(self).__name__} is immutable; cannot delete {name!r}."
        )

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __sklearn_clone__(self):
        return self


def read_only(array):
    """Return an array that cannot be written to; a copy if it can.

    Parameters
    ----------
    array : array-like
        Values.

    Returns
    -------
    ndarray
    """
    array = np.asarray(array)
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array
