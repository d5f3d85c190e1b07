"""SoftNeighborhoodDensity: how many target samples have similar predictions."""

import numbers

import numpy as np
from scipy.special import entr, softmax
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval

from sktransfer.model_selection._scorer import CONSTRAINTS, BaseDomainScorer

# Number of rows of the similarity matrix that are in memory at once.
_BLOCK_ROWS = 256


class SoftNeighborhoodDensity(BaseDomainScorer):
    r"""Mean entropy of the similarities of each target sample to the others.

    With p_i the class probabilities of target sample i of n, scaled to length 1, and T
    the temperature, the score is [1]_

    .. math:: \frac{1}{n} \sum_i H(q_i), \quad
       q_{ij} = \frac{\exp(p_i \cdot p_j / T)}
       {\sum_{k \neq i} \exp(p_i \cdot p_k / T)}, \quad q_{ii} = 0

    It is greatest when each sample has many similar ones. A classifier that always
    predicts the same class has the best score.

    Parameters
    ----------
    temperature : float, default=0.05
        Above 0. With a lower temperature, fewer samples count as neighbors.
    sample_domain : callable or None, default=None
        Function of X that returns the domain of each sample. Only needed without
        metadata routing.

    References
    ----------
    .. [1] Saito et al. (2021). Tune it the Right Way: Unsupervised Validation of Domain
       Adaptation via Soft Neighborhood Density. ICCV. arXiv:2108.10860
    """

    _parameter_constraints = CONSTRAINTS | {
        "temperature": [Interval(numbers.Real, 0, None, closed="neither")]
    }
    _min_target = 2

    def __init__(self, *, temperature=0.05, sample_domain=None):
        self.temperature = temperature
        self.sample_domain = sample_domain

    def _score(self, estimator, samples):
        proba = normalize(samples.predict_proba(estimator, samples.X_target))
        entropies = []
        for block in gen_batches(len(proba), _BLOCK_ROWS):
            similarity = proba[block] @ proba.T / self.temperature
            own = np.arange(block.start, block.stop)
            similarity[own - block.start, own] = -np.inf
            entropies.append(entr(softmax(similarity, axis=1)).sum(axis=1))
        return np.concatenate(entropies).mean()
