"""Import of matplotlib, which is optional."""

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


def axes_or_new(ax, **figure):
    """Return the given axes, or new ones.

    Parameters
    ----------
    ax : matplotlib Axes, array of Axes or None
        Axes to return; None makes a new figure.
    **figure
        Parameters of ``plt.subplots`` for the new figure.

    Returns
    -------
    matplotlib Axes or array of Axes
    """
    plt = import_pyplot()
    if ax is None:
        _, ax = plt.subplots(layout="constrained", **figure)
    return ax
