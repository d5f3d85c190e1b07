"""Parts of losses that several methods share, and a schedule."""

from keras import ops

# Widths of the Gaussian kernels, as multiples of the mean squared distance.
_WIDTH_FACTORS = [2.0**k for k in range(-3, 2)]


def rising_schedule(progress):
    r"""Rise from 0 to 1 with the progress q: :math:`2 / (1 + e^{-10 q}) - 1`."""
    return 2 / (1 + ops.exp(-10 * progress)) - 1


def entropy(logits):
    """Compute the entropy of the softmax of each sample, in nats.

    Parameters
    ----------
    logits : tensor of shape (n, n_classes)

    Returns
    -------
    tensor of shape (n,)
    """
    log_proba = ops.log_softmax(logits)
    return -ops.sum(ops.exp(log_proba) * log_proba, axis=1)


def cross_entropy(logits, y):
    """Compute the cross-entropy of each sample.

    Parameters
    ----------
    logits : tensor of shape (n, n_classes)
    y : tensor of shape (n,), int
        Class indices.

    Returns
    -------
    tensor of shape (n,)
    """
    log_proba = ops.log_softmax(logits)
    return -ops.squeeze(ops.take_along_axis(log_proba, y[:, None], axis=1), axis=1)


def gaussian_kernel(x):
    """Compute the mean of five Gaussian kernels between all pairs of samples.

    The widths depend on the mean squared distance of the samples. No gradient passes
    through them.

    Parameters
    ----------
    x : tensor of shape (n, d)

    Returns
    -------
    tensor of shape (n, n)
    """
    norms = ops.sum(ops.square(x), axis=1)
    squared = norms[:, None] + norms[None, :] - 2 * ops.matmul(x, ops.transpose(x))
    squared = ops.maximum(squared, 0)
    # The bound is for samples that are all equal.
    width = ops.maximum(ops.stop_gradient(ops.mean(squared)), 1e-12)
    kernels = [ops.exp(-squared / (factor * width)) for factor in _WIDTH_FACTORS]
    return sum(kernels) / len(kernels)


def mmd(kernel, n_source):
    """Compute the squared maximum mean discrepancy of two domains.

    Parameters
    ----------
    kernel : tensor of shape (n, n)
        Kernel between all pairs of samples; those of the source come first.
    n_source : int
        Number of source samples.

    Returns
    -------
    tensor
        Scalar, 0 or more.
    """
    within_source = ops.mean(kernel[:n_source, :n_source])
    within_target = ops.mean(kernel[n_source:, n_source:])
    return within_source + within_target - 2 * ops.mean(kernel[:n_source, n_source:])
