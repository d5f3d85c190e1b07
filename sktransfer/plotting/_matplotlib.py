"""Import of matplotlib, which is optional."""

import numpy as np

from sktransfer._extras import import_extra


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
    return import_extra("matplotlib.pyplot", "A plot", "sktransfer[plotting]")


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
