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
