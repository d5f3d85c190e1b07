"""Cost of a score, from a curve of scores."""

import numpy as np
from sklearn.isotonic import isotonic_regression


def cost_for_score(score, costs, scores):
    """Compute the cost at which a curve of scores reaches a score.

    The curve is made monotone by isotonic regression. Between its points it is linear
    in the logarithm of the cost.

    Parameters
    ----------
    score : float
        Score to reach.
    costs : array-like of shape (n_points,)
        Positive and increasing.
    scores : array-like of shape (n_points,)
        Score at each cost; points with NaN are left out.

    Returns
    -------
    cost : float
        NaN when a score is missing.
    bound : {"", "at most", "more than"}
        "at most" when the lowest cost is enough, "more than" when the highest is not.
    """
    costs, scores = np.asarray(costs, float), np.asarray(scores, float)
    is_known = np.isfinite(scores) & np.isfinite(costs)
    costs, scores = costs[is_known], scores[is_known]
    if not len(costs) or not np.isfinite(score):
        return np.nan, ""
    monotone = isotonic_regression(scores)
    # Means of the same numbers may differ in the last bits.
    score -= 1e-12 * max(1.0, abs(score))
    if score > monotone[-1]:
        return float(costs[-1]), "more than"
    first = int(np.argmax(monotone >= score))
    if first == 0:
        return float(costs[0]), "at most"
    ends = slice(first - 1, first + 1)
    return float(np.exp(np.interp(score, monotone[ends], np.log(costs[ends])))), ""
