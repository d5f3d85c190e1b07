"""Scorers of how sure, and how varied, predictions on the target are."""

import numpy as np
from scipy.special import entr

from sktransfer.model_selection._scorer import LabelFreeScorer


class PredictionEntropyScorer(LabelFreeScorer):
    r"""Minus the mean entropy of the predictions on the target.

    With p_i the class probabilities of target row i of n, the score is [1]_

    .. math:: -\frac{1}{n} \sum_i H(p_i), \quad H(p) = -\sum_c p_c \log p_c

    A classifier that gives all rows to one class scores best, so `InfoMaxScorer` is
    the safer choice.

    Parameters
    ----------
    sample_domain : callable or None, default=None
        Function of X that gives the domains of its rows, for use without metadata
        routing.

    See Also
    --------
    InfoMaxScorer : Rewards that all classes are predicted.

    References
    ----------
    .. [1] Morerio, Cavazza & Murino (2018). Minimal-Entropy Correlation Alignment for
       Unsupervised Deep Domain Adaptation. ICLR. arXiv:1711.10288

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sktransfer.datasets import make_shifted_classification
    >>> from sktransfer.model_selection import PredictionEntropyScorer
    >>> X, y, sample_domain = make_shifted_classification(random_state=0)
    >>> model = LogisticRegression().fit(X[sample_domain >= 0], y[sample_domain >= 0])
    >>> PredictionEntropyScorer()(model, X, y, sample_domain) < 0
    True
    """

    def _score(self, estimator, rows):
        proba = rows.predict_proba(estimator, rows.X_target)
        return -_entropy(proba).mean()


class InfoMaxScorer(LabelFreeScorer):
    r"""Mutual information of row and predicted class on the target: the default choice.

    With p_i the class probabilities of target row i of n, the score is [1]_ [2]_

    .. math:: H(\frac{1}{n} \sum_i p_i) - \frac{1}{n} \sum_i H(p_i),
       \quad H(p) = -\sum_c p_c \log p_c

    It is greatest when each row is given to one class for sure and the classes are
    equally frequent, and 0 when all rows have the same probabilities. Where the
    target's classes are far from equally frequent it prefers a model that is wrong
    about that.

    Parameters
    ----------
    sample_domain : callable or None, default=None
        Function of X that gives the domains of its rows, for use without metadata
        routing.

    See Also
    --------
    PredictionEntropyScorer : The second term alone, which rewards collapse.

    References
    ----------
    .. [1] Shi & Sha (2012). Information-Theoretical Learning of Discriminative Clusters
       for Unsupervised Domain Adaptation. ICML. arXiv:1206.6438
    .. [2] Musgrave, Belongie & Lim (2022). Three New Validators and a Large-Scale
       Benchmark Ranking for Unsupervised Domain Adaptation. arXiv:2208.07360

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sktransfer.datasets import make_shifted_classification
    >>> from sktransfer.model_selection import InfoMaxScorer
    >>> X, y, sample_domain = make_shifted_classification(random_state=0)
    >>> model = LogisticRegression().fit(X[sample_domain >= 0], y[sample_domain >= 0])
    >>> 0 < InfoMaxScorer()(model, X, y, sample_domain) < 0.6931
    True
    """

    def _score(self, estimator, rows):
        proba = rows.predict_proba(estimator, rows.X_target)
        return _entropy(proba.mean(axis=0)) - _entropy(proba).mean()


def _entropy(proba):
    return np.sum(entr(proba), axis=-1)
