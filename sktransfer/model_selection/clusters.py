"""ClassAMIScorer: whether predictions agree with clusters of the target's features."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score

from sktransfer._random import make_rng
from sktransfer.model_selection._features import features_of
from sktransfer.model_selection._scorer import (
    CONSTRAINTS,
    LabelFreeScorer,
    predict,
)


class ClassAMIScorer(LabelFreeScorer):
    r"""Agreement of the predictions on the target with clusters of its features.

    The features of the target's rows are put into as many clusters as there are
    classes, by k-means. The score is the adjusted mutual information of cluster and
    predicted class [1]_

    .. math:: \frac{I - E[I]}{(H_{cluster} + H_{class}) / 2 - E[I]}

    where I is their mutual information and E[I] what is expected by chance. It is 1 at
    best and 0 when one class is predicted.

    Features are those of the network's feature layer; of a pipeline, those that reach
    its last step; of any other classifier X, which should then have columns of the
    same scale.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=0
        Seed of k-means. An int gives each candidate of a search the same start.
    sample_domain : callable or None, default=None
        Function of X that gives the domains of its rows, for use without metadata
        routing.

    References
    ----------
    .. [1] Musgrave, Belongie & Lim (2022). Three New Validators and a Large-Scale
       Benchmark Ranking for Unsupervised Domain Adaptation. arXiv:2208.07360
    """

    _parameter_constraints = CONSTRAINTS | {"random_state": ["random_state"]}
    _min_target = 2

    def __init__(self, *, random_state=0, sample_domain=None):
        self.random_state = random_state
        self.sample_domain = sample_domain

    def _score(self, estimator, rows):
        predicted = predict(estimator, rows.X_target)
        # Features that have collapsed with the predictions agree with them in full.
        if len(np.unique(predicted)) == 1:
            return 0.0
        features = features_of(estimator, rows.X_target)
        kmeans = KMeans(
            min(len(estimator.classes_), len(features)),
            n_init=10,
            random_state=int(make_rng(self.random_state).integers(2**31)),
        )
        return adjusted_mutual_info_score(predicted, kmeans.fit_predict(features))
