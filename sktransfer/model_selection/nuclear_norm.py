"""BNMScorer: nuclear norm of the predictions on the target."""

import numpy as np

from sktransfer.model_selection._scorer import BaseDomainScorer


class BNMScorer(BaseDomainScorer):
    r"""Nuclear norm of the predictions on the target, divided by the number of samples.

    With P the n x C matrix of class probabilities of the n target samples and sigma
    its singular values, the score is [1]_ [2]_

    .. math:: \frac{1}{n} \|P\|_* = \frac{1}{n} \sum_k \sigma_k

    It is greatest when each sample has one class with probability 1 and the classes
    are equally frequent. It decreases with the number of samples, as the square root
    of 1 / n, so compare only scores of test folds of the same size.

    Parameters
    ----------
    sample_domain : callable or None, default=None
        Function of X that returns the domain of each sample. Only needed without
        metadata routing.

    References
    ----------
    .. [1] Cui et al. (2020). Towards Discriminability and Diversity: Batch
       Nuclear-norm Maximization under Label Insufficient Situations. CVPR.
       arXiv:2003.12237
    .. [2] Musgrave, Belongie & Lim (2022). Three New Validators and a Large-Scale
       Benchmark Ranking for Unsupervised Domain Adaptation. arXiv:2208.07360
    """

    def _score(self, estimator, samples):
        proba = samples.predict_proba(estimator, samples.X_target)
        return np.linalg.norm(proba, "nuc") / len(proba)
