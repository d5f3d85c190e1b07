"""Exceptions and warnings that sktransfer raises."""

import re

__all__ = [
    "BackboneError",
    "BackboneFileError",
    "NonFiniteLossError",
    "UnsafeFileError",
    "WeightsMismatchError",
]


# Limits of a message: names in a model file, and errors of Keras, may be very long.
_MAX_NAME = 200
_MAX_MESSAGE = 1000
_ESCAPE_SEQUENCE = re.compile(
    r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)?"
)
_LONG_NAME = re.compile(rf"'[^']{{{_MAX_NAME},}}'|\S{{{_MAX_NAME},}}")


class BackboneError(ValueError):
    """A backbone, or the combination of its parameters, cannot be used.

    Parameters
    ----------
    message : str
        It becomes one line: without escape sequences, and without the middle of very
        long names.
    """

    def __init__(self, message):
        text = _ESCAPE_SEQUENCE.sub("", str(message))
        text = "".join(c if c.isprintable() else " " for c in text)
        text = " ".join(text.split())
        text = _LONG_NAME.sub(lambda match: _shorten(match[0], _MAX_NAME // 2), text)
        super().__init__(_shorten(text, _MAX_MESSAGE))


class BackboneFileError(BackboneError):
    """A model or weights file is missing, damaged or of an unknown kind."""


class UnsafeFileError(BackboneFileError):
    """A model file was not loaded because it could run code."""


class WeightsMismatchError(BackboneError):
    """Weights do not fit the architecture of the model."""


def _shorten(text, limit):
    """Replace the middle of a text that is longer than a limit."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} [...] {text[-half:]}"


class NonFiniteLossError(ValueError):
    """The training loss became NaN or infinite."""


def __dir__():
    return __all__
