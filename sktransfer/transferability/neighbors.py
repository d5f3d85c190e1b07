"""Accuracy of the nearest neighbors in the features."""

import numbers

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils._param_validation import Interval, validate_params

from sktransfer._large_arrays import take_rows
from sktransfer.transferability._checks import check_features
from sktransfer.transferability._moments import drawn_rows

_MAX_ROWS = 10_000


@validate_params(
    {"n_neighbors": [Interval(numbers.Integral, 1, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def knn_score(features, y, *, n_neighbors=1):
    """Fraction of samples whose nearest other samples have their label.

    This is the accuracy of k nearest neighbors, left one out: each row is given the
    label that is most frequent among the k rows nearest to it, by Euclidean distance.
    Of labels that are equally frequent, each counts in part. A simple measure, and in
    a large comparison a better one than most [1]_.

    Greater is better; it is between 0 and 1.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the target's rows.
    y : array-like of shape (n_samples,)
        Their labels.
    n_neighbors : int, default=1
        How many rows k.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When the features are not finite numbers, the lengths differ, y has one class
        or as many classes as rows, or there are not more rows than `n_neighbors`.

    Notes
    -----
    If there are more than 10,000 samples, as many are drawn, the same each time.

    References
    ----------
    .. [1] Sorkhei, Matsoukas, Haslum & Smith (2025). k-NN as a Simple and Effective
       Estimator of Transferability. arXiv:2503.18528

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktransfer.transferability import knn_score
    >>> X, y = load_iris(return_X_y=True)
    >>> knn_score(X, y)
    0.96
    """
    features, codes, n_classes = check_features(features, y)
    if n_neighbors >= len(codes):
        raise ValueError(
            f"n_neighbors={n_neighbors} with {len(codes)} rows; expected fewer than "
            "there are rows."
        )
    if len(codes) > _MAX_ROWS:
        drawn = drawn_rows(len(codes), _MAX_ROWS)
        features, codes = take_rows(features, drawn), codes[drawn]
    features = features.astype(np.float64)
    features -= features.mean(axis=0)
    # Squares must neither overflow nor vanish.
    features /= np.abs(features).max() or 1
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute")
    neighbors = search.fit(features).kneighbors(return_distance=False)
    rows = np.arange(len(codes))
    votes = np.zeros((len(codes), n_classes), dtype=np.int32)
    np.add.at(votes, (rows[:, None], codes[neighbors]), 1)
    winners = votes == votes.max(axis=1, keepdims=True)
    return float(np.mean(winners[rows, codes] / winners.sum(axis=1)))
