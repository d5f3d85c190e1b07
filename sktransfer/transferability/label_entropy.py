"""NCE: how much of the labels is known once the source's classes are."""

import numpy as np

from sktransfer.transferability._checks import check_classes, check_labels


def nce(source_labels, y):
    r"""Negative entropy of the labels given source labels of the same rows.

    With :math:`\hat P` the relative frequencies in the n samples, the score is [1]_

    .. math:: \sum_{y, z} \hat P(y, z) \log \frac{\hat P(y, z)}{\hat P(z)}

    Greater is better, and 0 is best.

    Parameters
    ----------
    source_labels : array-like of shape (n_samples,)
        Labels of the source for the target's rows, mostly predictions of a model of
        the source.
    y : array-like of shape (n_samples,)
        Labels of the target's rows; they need not be those of the source.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When labels are missing, the lengths differ, or y has one class or as many
        classes as rows.

    See Also
    --------
    leep : Uses probabilities.

    References
    ----------
    .. [1] Tran, Nguyen & Hassner (2019). Transferability and Hardness of Supervised
       Classification Tasks. ICCV. arXiv:1908.08142

    Examples
    --------
    >>> from sktransfer.transferability import nce
    >>> nce(["cat", "cat", "dog", "dog"], [0, 0, 1, 1])
    0.0
    >>> nce(["cat", "cat", "cat", "cat"], [0, 0, 1, 1])
    -0.6931...
    """
    y = np.asarray(y)
    codes, n_classes = check_classes(y, len(y) if y.ndim else 0)
    sources, source_codes = check_labels(source_labels, "source_labels", len(codes))
    joint = np.zeros((len(sources), n_classes))
    np.add.at(joint, (source_codes, codes), 1 / len(codes))
    given_source = joint / joint.sum(axis=1, keepdims=True)
    seen = joint > 0
    # Adding 0 turns -0.0 into 0.0.
    return float(np.sum(joint[seen] * np.log(given_source[seen]))) + 0.0
