"""Exceptions and warnings that sktransfer raises."""

__all__ = [
    "BackboneError",
    "BackboneFileError",
    "NonFiniteLossError",
    "UnsafeFileError",
    "WeightsMismatchError",
]


class BackboneError(ValueError):
    """A backbone, or the combination of its parameters, cannot be used."""


class BackboneFileError(BackboneError):
    """A model or weights file is missing, damaged or of an unknown kind."""


class UnsafeFileError(BackboneFileError):
    """A model file was not loaded because it could run code."""


class WeightsMismatchError(BackboneError):
    """Weights do not fit the architecture of the model."""


class NonFiniteLossError(ValueError):
    """The training loss became NaN or infinite."""


def __dir__():
    return __all__
