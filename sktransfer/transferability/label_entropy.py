"""NCE: conditional entropy of the labels given source labels."""

import numpy as np
from scipy.special import rel_entr
from sklearn.metrics.cluster import contingency_matrix

from sktransfer.transferability._checks import check_classes, check_labels


def nce(source_labels, y):
    r"""Negative entropy of the labels given source labels of the same samples.

    With :math:`\hat P` the fractions of the n samples, the score is [1]_

    .. math:: \sum_{y, z} \hat P(y, z) \log \frac{\hat P(y, z)}{\hat P(z)}

    Greater is better, and 0 is best.

    Parameters
    ----------
    source_labels : array-like of shape (n_samples,)
        Source labels of the target samples, usually the predictions of a model that
        was trained on the source.
    y : array-like of shape (n_samples,)
        Labels of the target samples. The classes may differ from the source's.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When labels are missing, the lengths differ, or y has one class or as many
        classes as samples.

    See Also
    --------
    leep : Uses probabilities of the source classes.

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
    codes, _ = check_classes(y, len(y) if y.ndim else 0)
    _, source_codes = check_labels(source_labels, "source_labels", len(codes))
    joint = contingency_matrix(source_codes, codes) / len(codes)
    return float(rel_entr(joint, joint.sum(axis=1, keepdims=True)).sum())
