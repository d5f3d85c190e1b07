"""Data with a known shift between source and target; nothing is downloaded."""

from sktransfer.datasets.digits import load_shifted_digits
from sktransfer.datasets.toy import make_shifted_classification

__all__ = ["load_shifted_digits", "make_shifted_classification"]


def __dir__():
    return __all__
