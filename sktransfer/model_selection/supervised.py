"""SupervisedScorer: the score on the labeled samples of the target."""

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing

from sktransfer._inputs.domains import as_labels
from sktransfer._inputs.unlabeled import is_unlabeled
from sktransfer._pipelines import uses_sample_domain
from sktransfer.model_selection._scorer import CONSTRAINTS, BaseDomainScorer


class SupervisedScorer(BaseDomainScorer):
    """Score on the labeled samples of the target, which the other scorers estimate.

    Parameters
    ----------
    scoring : str, callable or None, default=None
        A scikit-learn scorer or its name. None is the estimator's own `score`, the
        accuracy for a classifier.
    sample_domain : callable or None, default=None
        Function of X that returns the domain of each sample. Only needed without
        metadata routing.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sktransfer.datasets import make_shifted_classification
    >>> from sktransfer.model_selection import SupervisedScorer
    >>> X, y, sample_domain = make_shifted_classification(random_state=0)
    >>> model = LogisticRegression().fit(X[sample_domain >= 0], y[sample_domain >= 0])
    >>> target = sample_domain < 0
    >>> score = SupervisedScorer()(model, X, y, sample_domain)
    >>> score == model.score(X[target], y[target])
    True
    """

    _parameter_constraints = CONSTRAINTS | {"scoring": [str, callable, None]}

    def __init__(self, scoring=None, *, sample_domain=None):
        self.scoring = scoring
        self.sample_domain = sample_domain

    def _score_samples(self, estimator, X, y, domains):
        if y is None:
            raise ValueError("SupervisedScorer needs y, the labels of target samples.")
        y_source = y[domains >= 0]
        unlabeled = is_unlabeled(y, getattr(estimator, "classes_", y_source))
        if len(y_source) and not uses_sample_domain(estimator):
            # It was perhaps trained on -1 as a class.
            unlabeled |= is_unlabeled(y, y_source)
        labeled = np.flatnonzero((domains < 0) & ~unlabeled)
        if not len(labeled):
            raise ValueError(
                f"SupervisedScorer needs labels of target samples, but all "
                f"{(domains < 0).sum()} labels are missing (None, NaN or -1). Use a "
                "scorer without labels, such as InfoMaxScorer."
            )
        scorer = check_scoring(estimator, scoring=self.scoring)
        return scorer(estimator, _safe_indexing(X, labeled), as_labels(y[labeled]))
