"""Colors that are told apart without color vision, and in grey by what is beside."""

import numpy as np

# Okabe and Ito's, from dark to light, without the yellow that is faint on white.
BLACK, BLUE, RED, GREEN = "#000000", "#0072b2", "#d55e00", "#009e73"
PURPLE, ORANGE, SKY = "#cc79a7", "#e69f00", "#56b4e9"
PALETTE = (BLUE, RED, GREEN, BLACK, PURPLE, ORANGE, SKY)


def class_colors(n_classes):
    """Give each class a color.

    Parameters
    ----------
    n_classes : int
        Number of classes.

    Returns
    -------
    list
        Colors as matplotlib takes them: of the palette, or, when there are more
        classes than it has, equally spaced on viridis.
    """
    if n_classes <= len(PALETTE):
        return list(PALETTE[:n_classes])
    from matplotlib import colormaps

    return list(colormaps["viridis"](np.linspace(0, 0.95, n_classes)))
