"""What a score costs, read off a curve of scores."""

import numpy as np
from sklearn.isotonic import isotonic_regression


def cost_of(score, costs, scores):
    """Find what has to be spent for a score, on a curve made monotone.

    The curve is the nearest one that never falls (isotonic regression), linear in the
    logarithm of the cost between its points.

    Parameters
    ----------
    score : float
        The score to reach.
    costs : array-like of shape (n_points,)
        Positive and increasing.
    scores : array-like of shape (n_points,)
        Score for each cost; points that are NaN are left out.

    Returns
    -------
    cost : float
        NaN when there is nothing to compare.
    bound : {"", "at most", "more than"}
        The least cost may have been enough, and the greatest may not be.
    """
    costs, scores = np.asarray(costs, float), np.asarray(scores, float)
    known = np.isfinite(scores) & np.isfinite(costs)
    costs, scores = costs[known], scores[known]
    if not len(costs) or not np.isfinite(score):
        return np.nan, ""
    rising = isotonic_regression(scores)
    # Means of the same numbers differ in the last bits.
    score -= 1e-12 * max(1.0, abs(score))
    if score > rising[-1]:
        return float(costs[-1]), "more than"
    first = int(np.argmax(rising >= score))
    if first == 0:
        return float(costs[0]), "at most"
    low, high = rising[first - 1 : first + 1]
    share = (score - low) / (high - low)
    low, high = np.log(costs[first - 1 : first + 1])
    return float(np.exp(low + share * (high - low))), ""


def cost_text(cost, bound, digits=0):
    """Write a cost and its bound as people say it."""
    if np.isnan(cost):
        return ""
    return f"{bound} {cost:.{digits}f}".strip()
