"""Distances between two domains."""

import numpy as np
from sklearn.metrics import balanced_accuracy_score
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import gen_batches

from sktransfer._inputs.frames import check_same_columns
from sktransfer._large_arrays import take_rows
from sktransfer._statistics import domain_log_odds
from sktransfer.transferability._checks import check_labels, check_matrix
from sktransfer.transferability._moments import Columns, draw_rows

# Maximum number of samples of a domain, where time grows faster than their number.
_MAX_SAMPLES = 2000
_BLOCK_ROWS = 256
# Kernel widths as multiples of the mean squared distance.
_WIDTHS = 2.0 ** np.arange(-3, 2)


def proxy_a_distance(X_source, X_target):
    r"""Separability of two domains by a linear classifier.

    With the cross-validated error e of a logistic regression that separates the
    domains, where both domains have the same weight, the distance is [1]_

    .. math:: \max(0,\, 2 (1 - 2 e))

    It is 0 when the domains cannot be separated, and 2 when they are separated without
    error.

    Parameters
    ----------
    X_source, X_target : array-like of shape (n_samples, n_features)
        Samples, or their features, of the two domains; at least two of each. From
        more than 2000 samples, 2000 are drawn.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When there are fewer samples, values are not finite, or the numbers of features
        differ.

    References
    ----------
    .. [1] Ben-David et al. (2010). A Theory of Learning from Different Domains. Machine
       Learning 79.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.transferability import proxy_a_distance
    >>> rows = np.random.default_rng(0).normal(size=(200, 3))
    >>> proxy_a_distance(rows[:100], rows[100:] + 10)
    2.0
    """
    source, target = _draw_samples(X_source, X_target)
    log_odds = domain_log_odds(source, target, seed=0, class_weight="balanced")
    is_target = np.repeat([False, True], [len(source), len(target)])
    error = 1 - balanced_accuracy_score(is_target, log_odds > 0)
    return float(max(0.0, 2 * (1 - 2 * error)))


def mmd(X_source, X_target):
    r"""Squared maximum mean discrepancy of two domains.

    The kernel k is the mean of five Gaussian kernels, with widths of :math:`2^{-3}` to
    :math:`2^1` times the mean squared distance of all samples. The distance is [1]_

    .. math:: \operatorname{mean} k(s, s') + \operatorname{mean} k(t, t')
       - 2 \operatorname{mean} k(s, t)

    over all pairs of samples. It is 0 for equal domains, and 2 at most.

    Parameters
    ----------
    X_source, X_target : array-like of shape (n_samples, n_features)
        Samples, or their features, of the two domains; at least two of each. From
        more than 2000 samples, 2000 are drawn.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When there are fewer samples, values are not finite, or the numbers of features
        differ.

    References
    ----------
    .. [1] Gretton et al. (2012). A Kernel Two-Sample Test. JMLR 13.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.transferability import mmd
    >>> rows = np.random.default_rng(0).normal(size=(200, 3))
    >>> mmd(rows[:100], rows[100:]) < 0.05 < mmd(rows[:100], rows[100:] + 1)
    True
    """
    source, target = _draw_samples(X_source, X_target)
    rows = np.concatenate([source, target])
    rows -= rows.mean(axis=0)
    rows /= np.abs(rows).max() or 1
    # The mean squared distance of all pairs, since the rows sum to 0.
    width = 2 * np.square(rows).sum(axis=1).mean()
    if width == 0:
        return 0.0
    sizes = np.array([len(source), len(target)])
    side = np.repeat([1 / sizes[0], -1 / sizes[1]], sizes)
    total = 0.0
    for block in gen_batches(len(rows), _BLOCK_ROWS):
        squared = euclidean_distances(rows[block], rows, squared=True)
        kernel = np.mean([np.exp(-squared / (f * width)) for f in _WIDTHS], axis=0)
        total += side[block] @ kernel @ side
    return float(max(0.0, total))


def coral_distance(X_source, X_target):
    r"""Squared distance of the covariances of two domains.

    With the covariances :math:`C_s, C_t` of the d features it is [1]_

    .. math:: \frac{1}{4 d^2} \lVert C_s - C_t \rVert_F^2

    It depends on the scale of the features. A shift of all samples does not change it.

    Parameters
    ----------
    X_source, X_target : array-like of shape (n_samples, n_features)
        Samples, or their features, of the two domains; at least two of each.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When there are fewer samples, values are not finite, or the numbers of features
        differ.

    References
    ----------
    .. [1] Sun & Saenko (2016). Deep CORAL: Correlation Alignment for Deep Domain
       Adaptation. ECCV Workshops. arXiv:1607.01719

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.transferability import coral_distance
    >>> rows = np.random.default_rng(0).normal(size=(200, 3))
    >>> coral_distance(rows, rows + 1) < 1e-20 < 1 < coral_distance(rows, 3 * rows)
    True
    """
    domains = [Columns(X) for X in _check_domains(X_source, X_target)]
    n_rows = [columns.shape[0] for columns in domains]
    d = domains[0].shape[1]
    if d <= sum(n_rows):
        source, target = (
            sum(block.T @ block for _, block in columns.row_blocks()) / (n - 1)
            for columns, n in zip(domains, n_rows, strict=True)
        )
        squared = np.square(source - target).sum()
    else:
        # The same from the Gram matrix of the rows, which is smaller.
        products = np.zeros((sum(n_rows),) * 2)
        for part in gen_batches(d, max(1, (1 << 22) // sum(n_rows))):
            block = np.concatenate(
                [
                    columns.read_columns(part) / np.sqrt(n - 1)
                    for columns, n in zip(domains, n_rows, strict=True)
                ]
            )
            products += block @ block.T
        side = np.repeat([1, -1], n_rows)
        squared = max(0.0, side @ np.square(products) @ side)
    return float(squared / (4 * d**2))


def prior_distance(y_source, y_target):
    r"""Total variation distance of the class priors of two domains.

    With the class priors :math:`p_c, q_c` (fractions of class c among the labels), it
    is

    .. math:: \frac{1}{2} \sum_c |p_c - q_c|

    It is 0 when the class priors are equal, and 1 when no class is in both domains.

    Parameters
    ----------
    y_source, y_target : array-like of shape (n_samples,)
        Labels.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When labels are missing or have no order.

    Examples
    --------
    >>> from sktransfer.transferability import prior_distance
    >>> prior_distance([0, 0, 1, 1], [0, 1, 1, 1])
    0.25
    """
    differences = {}
    for name, y, sign in (("y_source", y_source, 1), ("y_target", y_target, -1)):
        y = np.asarray(y)
        classes, codes = check_labels(y, name, len(y) if y.ndim else 0)
        if not len(codes):
            raise ValueError(f"{name} is empty; expected at least one label.")
        priors = np.bincount(codes) / len(codes)
        for label, prior in zip(classes.tolist(), priors, strict=True):
            differences[label] = differences.get(label, 0) + sign * prior
    return float(sum(map(abs, differences.values())) / 2)


def _check_domains(X_source, X_target):
    check_same_columns(X_source, X_target, "X_source", "X_target")
    domains = []
    for name, X in (("X_source", X_source), ("X_target", X_target)):
        X = check_matrix(X, name)
        if len(X) < 2:
            raise ValueError(f"{name} has {len(X)} sample; expected at least two.")
        domains.append(X)
    widths = [X.shape[1] for X in domains]
    if widths[0] != widths[1]:
        raise ValueError(
            f"X_source has {widths[0]} features and X_target {widths[1]}; expected the "
            "same number."
        )
    return domains


def _draw_samples(X_source, X_target):
    """Check the domains, and draw samples of each in float64."""
    return [
        take_rows(X, draw_rows(len(X), _MAX_SAMPLES)).astype(np.float64)
        for X in _check_domains(X_source, X_target)
    ]
