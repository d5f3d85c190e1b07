"""Import of matplotlib, which is optional."""


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
