"""knn_score: accuracy of nearest neighbors in the features."""

import numbers

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils._param_validation import Interval, validate_params

from sktransfer._large_arrays import take_rows
from sktransfer.transferability._checks import check_features
from sktransfer.transferability._moments import draw_rows

_MAX_SAMPLES = 10_000


@validate_params(
    {"n_neighbors": [Interval(numbers.Integral, 1, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def knn_score(features, y, *, n_neighbors=1):
    """Leave-one-out accuracy of a k-nearest-neighbors classifier.

    The predicted label of a sample is the most frequent one among its k nearest other
    samples, by Euclidean distance. With m equally frequent labels, the correct one
    counts 1 / m. The score is simple, and better than most in a large comparison [1]_.

    Greater is better; it is between 0 and 1.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the target samples.
    y : array-like of shape (n_samples,)
        Their labels.
    n_neighbors : int, default=1
        Number of neighbors k.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When the features are not finite numbers, the lengths differ, y has one class
        or as many classes as samples, or there are no more samples than `n_neighbors`.

    Notes
    -----
    From more than 10,000 samples, 10,000 are drawn; they are the same in each call.

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
            f"n_neighbors={n_neighbors} with {len(codes)} samples; expected fewer "
            "neighbors than samples."
        )
    drawn = draw_rows(len(codes), _MAX_SAMPLES)
    features, codes = take_rows(features, drawn).astype(np.float64), codes[drawn]
    features -= features.mean(axis=0)
    # Squares must neither overflow nor underflow.
    features /= np.abs(features).max() or 1
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute")
    neighbors = search.fit(features).kneighbors(return_distance=False)
    rows = np.arange(len(codes))
    votes = np.zeros((len(codes), n_classes), dtype=np.int32)
    np.add.at(votes, (rows[:, None], codes[neighbors]), 1)
    winners = votes == votes.max(axis=1, keepdims=True)
    return float(np.mean(winners[rows, codes] / winners.sum(axis=1)))
