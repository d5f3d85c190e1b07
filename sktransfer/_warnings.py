"""Warnings that point to the user's code, not to this package."""

import inspect
import warnings

# Packages between the user's code and the warning.
_SKIPPED_PACKAGES = {"sktransfer", "sklearn", "joblib"}


def warn_user(message, category=UserWarning):
    """Warn at the line of the user's code that called this package.

    The call may go through scikit-learn. In a worker process or thread, which has no
    such line, the warning points to the code that runs the worker.

    Parameters
    ----------
    message : str
        Text of the warning.
    category : type, default=UserWarning
        Class of the warning.
    """
    # warnings.warn has the option skip_file_prefixes only since Python 3.12.
    frame, level = inspect.currentframe().f_back, 2
    while frame.f_back is not None and _package(frame) in _SKIPPED_PACKAGES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
