"""Colors that color-blind readers can distinguish."""

import numpy as np

# The palette of Okabe and Ito, without its yellow, which is faint on white.
BLACK, BLUE, RED, GREEN = "#000000", "#0072b2", "#d55e00", "#009e73"
PURPLE, ORANGE, SKY = "#cc79a7", "#e69f00", "#56b4e9"
PALETTE = (BLUE, RED, GREEN, BLACK, PURPLE, ORANGE, SKY)


def class_colors(n_classes):
    """Return one color a class.

    Parameters
    ----------
    n_classes : int
        Number of classes.

    Returns
    -------
    list
        matplotlib colors: those of the palette, or, with more classes than colors,
        equally spaced ones of viridis.
    """
    if n_classes <= len(PALETTE):
        return list(PALETTE[:n_classes])
    from matplotlib import colormaps

    return list(colormaps["viridis"](np.linspace(0, 0.95, n_classes)))
