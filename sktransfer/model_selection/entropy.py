"""Scorers by the entropy of the predictions on the target."""

from sktransfer._statistics import entropy, mutual_information
from sktransfer.model_selection._scorer import BaseDomainScorer


class PredictionEntropyScorer(BaseDomainScorer):
    r"""Negative mean entropy of the predictions on the target.

    With p_i the class probabilities of target sample i of n, the score is [1]_

    .. math:: -\frac{1}{n} \sum_i H(p_i), \quad H(p) = -\sum_c p_c \log p_c

    A classifier that always predicts the same class has the best score. This makes
    `InfoMaxScorer` the safer choice.

    Parameters
    ----------
    sample_domain : callable or None, default=None
        Function of X that returns the domain of each sample. Only needed without
        metadata routing.

    See Also
    --------
    InfoMaxScorer : Also rewards that all classes are predicted.

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

    def _score(self, estimator, samples):
        return -entropy(samples.predict_proba(estimator, samples.X_target)).mean()


class InfoMaxScorer(BaseDomainScorer):
    r"""Mutual information of sample and predicted class on the target.

    With p_i the class probabilities of target sample
    i of n, the score is [1]_ [2]_

    .. math:: H(\frac{1}{n} \sum_i p_i) - \frac{1}{n} \sum_i H(p_i),
       \quad H(p) = -\sum_c p_c \log p_c

    It is greatest when each sample has one class with probability 1 and the classes
    are equally frequent. It is 0 when all samples have the same probabilities. When
    the classes of the target are far from equally frequent, it prefers a model that
    predicts them too equally. Without a shift it prefers methods that train for just
    this score.

    Parameters
    ----------
    sample_domain : callable or None, default=None
        Function of X that returns the domain of each sample. Only needed without
        metadata routing.

    See Also
    --------
    EnsembleAgreement : Compares the candidates of a search with each other.
    PredictionEntropyScorer : The second term alone, which also rewards a model that
        predicts one class only.

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

    def _score(self, estimator, samples):
        return mutual_information(samples.predict_proba(estimator, samples.X_target))
