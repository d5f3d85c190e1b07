"""matplotlib, which is optional."""


def import_pyplot():
    """Import matplotlib.pyplot.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        With the name of the extra that brings it, when it is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Plots need matplotlib, which is not installed; "
            "pip install 'sktransfer[plotting]' brings it."
        ) from error
    return plt


def axes_or_new(ax, **figure):
    """Return axes, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib Axes, array of them or None
        What is returned, unless it is None.
    **figure
        Of ``plt.subplots``, for the new figure.

    Returns
    -------
    matplotlib Axes or array of them
    """
    plt = import_pyplot()
    if ax is None:
        _, ax = plt.subplots(layout="constrained", **figure)
    return ax
