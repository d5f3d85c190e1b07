"""Warnings that point to a line of the user's, not to one of this package."""

import sys
import warnings

_ON_THE_WAY = {"sktransfer", "sklearn", "joblib"}


def warn_user(message, category=UserWarning):
    """Warn at the line by which the user came here, through scikit-learn perhaps.

    In a worker process or thread, which has no such line, it is one of what runs there.

    Parameters
    ----------
    message : str
        What to tell.
    category : type, default=UserWarning
        Class of the warning.
    """
    # The option skip_file_prefixes of warnings.warn came with Python 3.12.
    frame, level = sys._getframe(1), 2  # noqa: SLF001
    while frame.f_back is not None and _package(frame) in _ON_THE_WAY:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
