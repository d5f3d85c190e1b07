"""Gaussian kernels of several widths, and the distance of means under a kernel."""

from keras import ops

# Widths are these multiples of the mean squared distance.
_FACTORS = [2.0**k for k in range(-3, 2)]


def multi_gaussian(x):
    """Mean of Gaussian kernels between all rows.

    Widths follow the rows, without a gradient.

    Parameters
    ----------
    x : tensor of shape (n, d)
        Rows of both domains.

    Returns
    -------
    tensor of shape (n, n)
    """
    norms = ops.sum(ops.square(x), axis=1)
    squared = norms[:, None] + norms[None, :] - 2 * ops.matmul(x, ops.transpose(x))
    squared = ops.maximum(squared, 0)
    width = ops.stop_gradient(ops.mean(squared))
    # Rows that are all alike have no width.
    width = ops.maximum(width, 1e-12)
    kernels = [ops.exp(-squared / (factor * width)) for factor in _FACTORS]
    return sum(kernels) / len(kernels)


def mmd(kernel, n_source):
    """Squared distance of the means of two domains under a kernel.

    Parameters
    ----------
    kernel : tensor of shape (n, n)
        Between all rows, those of the source first.
    n_source : int
        How many those are.

    Returns
    -------
    tensor
        A scalar of 0 or more.
    """
    within_source = ops.mean(kernel[:n_source, :n_source])
    within_target = ops.mean(kernel[n_source:, n_source:])
    return within_source + within_target - 2 * ops.mean(kernel[:n_source, n_source:])
