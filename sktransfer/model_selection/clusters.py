"""ClassAMIScorer: agreement of predictions with clusters of the target features."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score

from sktransfer._pipelines import compute_features
from sktransfer._random import make_rng
from sktransfer.model_selection._scorer import CONSTRAINTS, BaseDomainScorer


class ClassAMIScorer(BaseDomainScorer):
    r"""Agreement of the predictions on the target with clusters of its features.

    k-means divides the features of the target samples into as many clusters as there
    are classes. The score is the adjusted mutual information of cluster and predicted
    class [1]_

    .. math:: \frac{I - E[I]}{(H_{cluster} + H_{class}) / 2 - E[I]}

    where I is their mutual information, E[I] its expected value by chance, and H the
    entropy. The best score is 1; when only one class is predicted the score is 0.

    Features are the output of the network's feature layer; for the backbone "tabular",
    log-probabilities of its classes. For any other classifier they are X, as it
    reaches the last step of a pipeline; columns should then have the same scale.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=0
        Seed of k-means. With an int, it is the same for all candidates of a search.
    sample_domain : callable or None, default=None
        Function of X that returns the domain of each sample. Only needed without
        metadata routing.

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

    def _score(self, estimator, samples):
        predicted = samples.predict(estimator, samples.X_target)
        # Constant features would agree perfectly with a constant prediction.
        if len(np.unique(predicted)) == 1:
            return 0.0
        features = compute_features(estimator, samples.X_target)
        kmeans = KMeans(
            min(len(estimator.classes_), len(features)),
            n_init=10,
            random_state=int(make_rng(self.random_state).integers(2**31)),
        )
        return adjusted_mutual_info_score(predicted, kmeans.fit_predict(features))
