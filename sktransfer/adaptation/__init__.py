"""Adaptation methods: how a network that is trained on a source fits a target."""

import importlib

from sktransfer.adaptation.registry import MODULE_OF_CLASS

__all__ = sorted(MODULE_OF_CLASS)


def __getattr__(name):
    if name not in MODULE_OF_CLASS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{MODULE_OF_CLASS[name]}")
    return getattr(module, name)


def __dir__():
    return __all__
