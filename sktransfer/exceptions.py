"""Exceptions and warnings that sktransfer raises."""

__all__ = [
    "BackboneError",
    "BackboneFileError",
    "NonFiniteLossError",
    "UnsafeFileError",
    "WeightsMismatchError",
]


class BackboneError(ValueError):
    """A backbone cannot be used as asked: its source, graph, cut or input."""


class BackboneFileError(BackboneError):
    """A model or weights file is missing, damaged or of another kind."""


class UnsafeFileError(BackboneFileError):
    """A model file would run code of its own; it was not loaded."""


class WeightsMismatchError(BackboneError):
    """Weights do not fit the architecture that they are loaded into."""


class NonFiniteLossError(ValueError):
    """The training loss became NaN or infinite."""


def __dir__():
    return __all__
