"""Import of matplotlib, which is optional."""

import numpy as np


def import_pyplot():
    """Import matplotlib.pyplot.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Plots need matplotlib, which is not installed. Install it with "
            "pip install 'sktransfer[plotting]'."
        ) from error
    return plt


def set_axes(display, ax, **figure):
    """Set the attributes `ax_` and `figure_` of a display.

    Parameters
    ----------
    display : display
        Gets the attributes.
    ax : matplotlib Axes, array of Axes or None
        Axes to draw on; None makes a new figure.
    **figure
        Parameters of ``plt.subplots`` for the new figure.

    Returns
    -------
    matplotlib Axes or array of Axes
    """
    plt = import_pyplot()
    if ax is None:
        _, ax = plt.subplots(layout="constrained", **figure)
    display.ax_, display.figure_ = ax, np.ravel(ax)[0].figure
    return ax
