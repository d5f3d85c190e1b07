"""LEEP: labels predicted from the source classes that a network predicts."""

import numpy as np

from sktransfer._large_arrays import blocks
from sktransfer.transferability._checks import check_classes, check_matrix
from sktransfer.transferability._moments import Columns

_TOLERANCE = 1e-3


def leep(source_proba, y):
    r"""Log-likelihood of the labels, predicted from probabilities of source classes.

    With :math:`\theta_{iz}` the predicted probability of source class z for target
    sample i of n, the labels are predicted by their frequency given z [1]_:

    .. math:: \frac{1}{n} \sum_i \log \sum_z \hat P(y_i \mid z)\, \theta_{iz}, \quad
       \hat P(y \mid z) =
       \frac{\sum_{i: y_i = y} \theta_{iz}}{\sum_i \theta_{iz}}

    Greater is better, and 0 is best. The minimum is the negative entropy of y.

    Parameters
    ----------
    source_proba : array-like of shape (n_samples, n_source_classes)
        Probabilities of the source classes for the target samples, from
        ``predict_proba`` of a model that was trained on the source. Rows sum to 1.
    y : array-like of shape (n_samples,)
        Labels of the target samples. The classes may differ from the source's.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When `source_proba` has other values than probabilities, the lengths differ,
        or y has one class or as many classes as samples.

    See Also
    --------
    nce : The same with predicted labels instead of probabilities.
    nleep : The same for networks without a classification layer.

    References
    ----------
    .. [1] Nguyen, Hassner, Seeger & Archambeau (2020). LEEP: A New Measure to Evaluate
       Transferability of Learned Representations. ICML. arXiv:2002.12462

    Examples
    --------
    >>> from sktransfer.transferability import leep
    >>> source_proba = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7]]
    >>> leep(source_proba, ["a", "a", "b", "b"])
    -0.342...
    >>> leep(source_proba, ["a", "b", "a", "b"])
    -0.69...
    """
    source_proba = check_matrix(source_proba, "source_proba")
    codes, n_classes = check_classes(y, len(source_proba))
    for block in blocks(source_proba):
        totals = block.sum(axis=1, dtype=np.float64)
        if block.min() < 0 or np.abs(totals - 1).max() > _TOLERANCE:
            raise ValueError(
                f"source_proba has the minimum {block.min():.3g} and sums of rows from "
                f"{totals.min():.3g} to {totals.max():.3g}; expected probabilities: 0 "
                "or more, and rows that sum to 1."
            )
    return mean_log_likelihood(source_proba, codes, n_classes)


def mean_log_likelihood(proba, codes, n_classes):
    """Compute LEEP from checked arrays.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_components)
        Probabilities of source classes, or of the components of a mixture.
    codes : ndarray of shape (n_samples,), int
        Classes.
    n_classes : int
        Number of classes.

    Returns
    -------
    float
    """
    columns = Columns(proba, centered=False)
    joint = columns.class_sums(codes, n_classes)
    total = joint.sum(axis=0)
    class_given_source = joint / np.where(total > 0, total, 1)
    log_likelihood = 0.0
    for part, rows in columns.row_blocks():
        likelihood = np.sum(class_given_source[codes[part]] * rows, axis=1)
        log_likelihood += np.log(likelihood).sum()
    return float(log_likelihood / len(codes))
