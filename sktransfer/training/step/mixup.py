"""MixUp: rows of a batch, and their labels, mixed with one another."""

import numpy as np


def check_mixing(settings, alignment):
    """Raise ValueError where a method of adaptation would get mixed rows.

    Parameters
    ----------
    settings : Settings
        With `mixup_alpha`.
    alignment : Alignment or None
        What is done with rows of the target.
    """
    if settings.mixup_alpha > 0 and alignment is not None:
        raise ValueError(
            f"mixup_alpha={settings.mixup_alpha!r} of the recipe mixes the classes of "
            f"rows, and method={alignment.method} needs rows of one class. Use "
            "mixup_alpha=0, or a method that adds no loss, such as 'source_only'."
        )


def make_mixing(alpha, program, head, rng):
    """Make what turns the rows of some batches into mixed ones.

    Parameters
    ----------
    alpha : float
        Both parameters of the Beta distribution; 0 leaves rows as they are.
    program : Program
        Network that is trained on them.
    head : ClassHead or MultilabelHead
        Gives targets as fractions.
    rng : numpy.random.Generator
        Parent of the source of the mixing, which itself is not drawn from.

    Returns
    -------
    callable
        From features, y, sample_weight and counts as ``Trainer.steps`` takes them to
        new features, y and sample_weight.
    """
    if alpha == 0:
        return lambda features, y, sample_weight, counts: (features, y, sample_weight)
    kinds = [tensor.dtype for tensor in program.network.inputs]
    if not all(np.issubdtype(kind, np.floating) for kind in kinds):
        raise ValueError(
            f"mixup_alpha={alpha!r} of the recipe mixes numbers; what goes into the "
            f"trained layers is of type {', '.join(kinds)}. Use mixup_alpha=0."
        )
    return Mixing(alpha, head, rng.spawn(1)[0])


class Mixing:
    """Mixes each row of a batch with another row of it.

    ``keras.layers.MixUp`` takes images alone, and has no weights of rows; a batch that
    is filled would be mixed with what fills it.

    Parameters
    ----------
    alpha : float
        Both parameters of the Beta distribution, above 0.
    head : ClassHead or MultilabelHead
        Gives targets as fractions.
    rng : numpy.random.Generator
        Source of pairs and shares.
    """

    def __init__(self, alpha, head, rng):
        self._alpha, self._head, self._rng = alpha, head, rng

    def __call__(self, features, y, sample_weight, counts):
        """Mix the rows of some batches.

        Parameters
        ----------
        features : list of ndarray of shape (n, ...)
            Rows; each batch begins at a multiple of n over the number of batches.
        y : ndarray of shape (n,), int
            Class indices.
        sample_weight : ndarray of shape (n,)
            Weights; the label of a row counts as often as they say.
        counts : ndarray of shape (n_batches,), int
            Rows in each batch, without those that fill it.

        Returns
        -------
        features : list of ndarray of shape (n, ...)
        y : ndarray of shape (n, n_classes)
            Shares of the classes, which sum to 1.
        sample_weight : ndarray of shape (n,)
        """
        partner, share = np.arange(len(y)), np.ones(len(y))
        width = len(y) // len(counts)
        for batch, count in enumerate(counts):
            rows = slice(batch * width, batch * width + count)
            partner[rows] = rows.start + self._rng.permutation(count)
            share[rows] = self._rng.beta(self._alpha, self._alpha, count)
        mixed = [_mix(array, array[partner], share) for array in features]
        own, other = share * sample_weight, (1 - share) * sample_weight[partner]
        weight = own + other
        part = np.divide(own, weight, out=np.ones(len(y)), where=weight > 0)
        y = self._head.one_hot(y)
        return mixed, _mix(y, y[partner], part), weight


def _mix(array, other, share):
    share = share.reshape(-1, *[1] * (array.ndim - 1))
    return (share * array + (1 - share) * other).astype(array.dtype)
