"""MixUp: each sample of a batch is mixed with another one, and so are their labels."""

import numpy as np


def check_mixup(settings, alignment):
    """Raise ValueError if an adaptation method would get mixed samples.

    Parameters
    ----------
    settings : Settings
        Parameters of training.
    alignment : Alignment or None
        Loss of an adaptation method.
    """
    if settings.mixup_alpha > 0 and alignment is not None:
        raise ValueError(
            f"mixup_alpha={settings.mixup_alpha!r} of the recipe mixes classes, and "
            f"method={alignment.method} needs one class for each sample. Use "
            "mixup_alpha=0, or a method that adds no loss, such as 'source_only'."
        )


def make_mixup(alpha, program, head, rng):
    """Make the function that mixes the samples of batches.

    Parameters
    ----------
    alpha : float
        Both parameters of the Beta distribution. 0 does not mix.
    program : Program
        Program that is trained.
    head : ClassHead or MultilabelHead
        Encodes targets as fractions.
    rng : numpy.random.Generator
        Parent of the random generator of MixUp. No numbers are drawn from it.

    Returns
    -------
    callable
        Called with features, y, sample_weight and counts; see :meth:`MixUp.__call__`.
    """
    if alpha == 0:
        return lambda features, y, sample_weight, counts: (features, y, sample_weight)
    kinds = [tensor.dtype for tensor in program.network.inputs]
    if not all(np.issubdtype(kind, np.floating) for kind in kinds):
        raise ValueError(
            f"mixup_alpha={alpha!r} of the recipe needs floats as inputs of the "
            f"trained layers; got {', '.join(kinds)}. Use mixup_alpha=0."
        )
    return MixUp(alpha, head, rng.spawn(1)[0])


class MixUp:
    """Mixes each sample of a batch with another sample of it.

    ``keras.layers.MixUp`` accepts images only, and no sample weights. It would also mix
    samples with those that pad a batch.

    Parameters
    ----------
    alpha : float
        Both parameters of the Beta distribution, above 0.
    head : ClassHead or MultilabelHead
        Encodes targets as fractions.
    rng : numpy.random.Generator
        Random generator of pairs and fractions.
    """

    def __init__(self, alpha, head, rng):
        self._alpha, self._head, self._rng = alpha, head, rng

    def __call__(self, features, y, sample_weight, counts):
        """Mix the samples of some batches.

        Parameters
        ----------
        features : list of ndarray of shape (n, ...)
            Samples. All batches have the same size after padding.
        y : ndarray of shape (n, ...)
            Targets of the head.
        sample_weight : ndarray of shape (n,)
            Weights.
        counts : ndarray of shape (n_batches,), int
            Number of samples in each batch without padding.

        Returns
        -------
        features : list of ndarray of shape (n, ...)
            Mixed samples.
        y : ndarray of shape (n, n_units)
            Mixed targets.
        sample_weight : ndarray of shape (n,)
            Mixed weights.
        """
        partner, fraction = np.arange(len(y)), np.ones(len(y))
        width = len(y) // len(counts)
        for batch, count in enumerate(counts):
            rows = slice(batch * width, batch * width + count)
            partner[rows] = rows.start + self._rng.permutation(count)
            fraction[rows] = self._rng.beta(self._alpha, self._alpha, count)
        mixed = [_mix(array, array[partner], fraction) for array in features]
        own_weight = fraction * sample_weight
        weight = own_weight + (1 - fraction) * sample_weight[partner]
        fraction = np.divide(own_weight, weight, out=np.ones(len(y)), where=weight > 0)
        y = self._head.one_hot(y)
        return mixed, _mix(y, y[partner], fraction), weight


def _mix(array, other, fraction):
    fraction = fraction.reshape(-1, *[1] * (array.ndim - 1))
    return (fraction * array + (1 - fraction) * other).astype(array.dtype)
