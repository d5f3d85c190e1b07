"""Pictures of results, as scikit-learn's Display classes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sktransfer.plotting.transfer_report import TransferReportDisplay

__all__ = ["TransferReportDisplay"]

_MODULE_OF_NAME = {
    "TransferReportDisplay": "sktransfer.plotting.transfer_report",
}


def __getattr__(name):
    if name not in _MODULE_OF_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_MODULE_OF_NAME[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
