"""Distances between two domains."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

from sktransfer._large_arrays import take_rows
from sktransfer.transferability._checks import check_labels, check_rows
from sktransfer.transferability._moments import Columns, drawn_rows

_N_FOLDS = 5
# Rows of each domain that are looked at, where time grows faster than rows.
_MAX_ROWS = 2000
_BLOCK_ROWS = 256
# Widths of the kernels are these multiples of the mean squared distance.
_FACTORS = 2.0 ** np.arange(-3, 2)


def proxy_a_distance(X_source, X_target):
    r"""How well a linear classifier tells two domains apart.

    With the error e of a logistic regression on rows that it has not seen, in which
    both domains count alike, the distance is [1]_

    .. math:: \max(0,\, 2 (1 - 2 e))

    It is 0 if a classifier cannot separate the domains, and 2 if it always can.

    Parameters
    ----------
    X_source, X_target : array-like of shape (n_samples, n_features)
        Samples, or features, of the two domains, at least two of each. If there are
        more than 2000 samples, as many are drawn.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When there are fewer rows, values are not finite or the columns differ.

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
    source, target = (_draw(X) for X in _check_domains(X_source, X_target))
    sizes = [len(source), len(target)]
    is_target = np.repeat([0, 1], sizes)
    classifier = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=500)
    )
    folds = StratifiedKFold(min(_N_FOLDS, *sizes), shuffle=True, random_state=0)
    rows = np.concatenate([source, target]).astype(np.float64)
    predicted = cross_val_predict(classifier, rows, is_target, cv=folds)
    error = 1 - balanced_accuracy_score(is_target, predicted)
    return float(max(0.0, 2 * (1 - 2 * error)))


def mmd(X_source, X_target):
    r"""Squared maximum mean discrepancy of two domains.

    With a kernel k that is the mean of five Gaussian kernels, of widths
    :math:`2^{-3}` to :math:`2^1` times the mean squared distance of all rows, it is
    [1]_

    .. math:: \operatorname{mean} k(s, s') + \operatorname{mean} k(t, t')
       - 2 \operatorname{mean} k(s, t)

    over all pairs of rows. It is 0 where the domains are alike, and 2 at most.

    Parameters
    ----------
    X_source, X_target : array-like of shape (n_samples, n_features)
        Samples, or features, of the two domains, at least two of each. If there are
        more than 2000 samples, as many are drawn.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When there are fewer rows, values are not finite or the columns differ.

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
    source, target = (_draw(X) for X in _check_domains(X_source, X_target))
    rows = np.concatenate([source, target]).astype(np.float64)
    rows -= rows.mean(axis=0)
    rows /= np.abs(rows).max() or 1
    # The mean over all pairs, since the rows sum to 0.
    width = 2 * np.square(rows).sum(axis=1).mean()
    if width == 0:
        return 0.0
    sizes = np.array([len(source), len(target)])
    side = np.repeat([1 / sizes[0], -1 / sizes[1]], sizes)
    total = 0.0
    for block in gen_batches(len(rows), _BLOCK_ROWS):
        squared = euclidean_distances(rows[block], rows, squared=True)
        kernel = np.mean([np.exp(-squared / (f * width)) for f in _FACTORS], axis=0)
        total += side[block] @ kernel @ side
    return float(max(0.0, total))


def coral_distance(X_source, X_target):
    r"""Squared distance of the covariances of two domains.

    With the covariances :math:`C_s, C_t` of the d columns it is [1]_

    .. math:: \frac{1}{4 d^2} \lVert C_s - C_t \rVert_F^2

    It depends on the scale of the columns, and does not see a shift of all rows.

    Parameters
    ----------
    X_source, X_target : array-like of shape (n_samples, n_features)
        Rows, or features, of the two domains, at least two of each.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When there are fewer rows, values are not finite or the columns differ.

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
        # The same from products of rows, of which there are fewer.
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
    r"""Total variation distance of the class priors.

    With the fractions :math:`p_c, q_c` of class c among the labels, it is

    .. math:: \frac{1}{2} \sum_c |p_c - q_c|

    0 where the shares are the same, 1 where no class is in both.

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
        When labels are missing, or cannot be compared.

    Examples
    --------
    >>> from sktransfer.transferability import prior_distance
    >>> prior_distance([0, 0, 1, 1], [0, 1, 1, 1])
    0.25
    """
    shares = {}
    for name, y, sign in (("y_source", y_source, 1), ("y_target", y_target, -1)):
        y = np.asarray(y)
        classes, codes = check_labels(y, name, len(y) if y.ndim else 0)
        if not len(codes):
            raise ValueError(f"{name} is empty; expected at least one label.")
        counts = np.bincount(codes) / len(codes)
        for label, share in zip(classes.tolist(), counts, strict=True):
            shares[label] = shares.get(label, 0) + sign * share
    return float(sum(map(abs, shares.values())) / 2)


def _check_domains(X_source, X_target):
    domains = []
    for name, X in (("X_source", X_source), ("X_target", X_target)):
        X = check_rows(X, name)
        if len(X) < 2:
            raise ValueError(f"{name} has {len(X)} row; expected at least two.")
        domains.append(X)
    widths = [X.shape[1] for X in domains]
    if widths[0] != widths[1]:
        raise ValueError(
            f"X_source has {widths[0]} columns and X_target {widths[1]}; expected the "
            "same columns."
        )
    return domains


def _draw(X):
    if len(X) <= _MAX_ROWS:
        return X
    return take_rows(X, drawn_rows(len(X), _MAX_ROWS))
