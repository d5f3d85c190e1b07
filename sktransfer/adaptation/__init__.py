"""Adaptation methods: how a network that is trained on a source fits a target."""

from sktransfer._lazy import lazy_names as _lazy_names
from sktransfer.adaptation.registry import MODULE_OF_CLASS

__all__ = sorted(MODULE_OF_CLASS)

__getattr__, __dir__ = _lazy_names(
    globals(),
    {
        name: f"sktransfer.adaptation.{module}"
        for name, module in MODULE_OF_CLASS.items()
    },
)
