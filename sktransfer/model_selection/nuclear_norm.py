"""BNMScorer: nuclear norm of the predictions on the target."""

import numpy as np

from sktransfer.model_selection._scorer import LabelFreeScorer


class BNMScorer(LabelFreeScorer):
    r"""Nuclear norm of the predictions on the target, divided by the number of rows.

    With P the n x C matrix of class probabilities of the target's rows and sigma its
    singular values, the score is [1]_ [2]_

    .. math:: \frac{1}{n} \|P\|_* = \frac{1}{n} \sum_k \sigma_k

    It is greatest when each row is given to one class for sure and the classes are
    equally frequent. It falls with the number of rows, as the square root of 1 / n:
    compare scores of test folds of one size.

    Parameters
    ----------
    sample_domain : callable or None, default=None
        Function of X that gives the domains of its rows, for use without metadata
        routing.

    References
    ----------
    .. [1] Cui et al. (2020). Towards Discriminability and Diversity: Batch
       Nuclear-norm Maximization under Label Insufficient Situations. CVPR.
       arXiv:2003.12237
    .. [2] Musgrave, Belongie & Lim (2022). Three New Validators and a Large-Scale
       Benchmark Ranking for Unsupervised Domain Adaptation. arXiv:2208.07360
    """

    def _score(self, estimator, rows):
        proba = rows.predict_proba(estimator, rows.X_target)
        return np.linalg.norm(proba, "nuc") / len(proba)
