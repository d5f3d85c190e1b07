"""CORAL: source samples with the mean and the covariance of the target."""

import numbers

import numpy as np
from sklearn.covariance import ledoit_wolf, shrunk_covariance
from sklearn.utils._param_validation import Interval, StrOptions

from sktransfer.preprocessing._source_mapping import SourceMapping


class CORAL(SourceMapping):
    r"""Map the source so that it has the mean and the covariance of the target.

    With the means :math:`\mu_s, \mu_t` and the covariances :math:`C_s, C_t` of the
    domains, `fit_transform` returns the source samples as [1]_

    .. math:: x' = C_t^{1/2} C_s^{-1/2} (x - \mu_s) + \mu_t

    `transform` returns samples as they are: they are of the target. So a classifier
    after it in a ``Pipeline`` is trained on the mapped source, and predicts for the
    target. As with ``sklearn.preprocessing.TargetEncoder``, ``fit(X).transform(X)`` is
    not ``fit_transform(X)``.

    Parameters
    ----------
    shrinkage : "auto" or float, default="auto"
        Shrinkage of the covariances towards a multiple of the identity, from 0 to 1.
        "auto" estimates it by the lemma of Ledoit and Wolf. Columns are divided by
        their standard deviation in the source before.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Column names, if X has them.

    See Also
    --------
    OTMapping : Maps each sample on its own.
    sktransfer.adaptation.DeepCORAL : The same for the features of a network.

    References
    ----------
    .. [1] Sun, Feng & Saenko (2016). Return of Frustratingly Easy Domain Adaptation.
       AAAI. arXiv:1511.05547

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sktransfer.preprocessing import CORAL
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> y = X[:, 0] > 0
    >>> X_target = 3 * rng.normal(size=(200, 2)) + [4, 0]
    >>> y_target = X_target[:, 0] > 4
    >>> plain = LogisticRegression().fit(X, y)
    >>> model = make_pipeline(CORAL(), LogisticRegression())
    >>> model = model.fit(X, y, coral__X_target=X_target)
    >>> plain.score(X_target, y_target) < 0.65 < 0.95 < model.score(X_target, y_target)
    True
    """

    _parameter_constraints = {
        "shrinkage": [StrOptions({"auto"}), Interval(numbers.Real, 0, 1, closed="both")]
    }

    def __init__(self, *, shrinkage="auto"):
        self.shrinkage = shrinkage

    def _map(self, X, y, X_target):
        color = _power(self._covariance(X_target), 0.5)
        whiten = _power(self._covariance(X), -0.5)
        return (X - X.mean(axis=0)) @ whiten @ color + X_target.mean(axis=0)

    def _covariance(self, X):
        if self.shrinkage == "auto":
            return ledoit_wolf(X)[0]
        covariance = np.atleast_2d(np.cov(X, rowvar=False, ddof=0))
        return shrunk_covariance(covariance, self.shrinkage)


def _power(covariance, exponent):
    values, vectors = np.linalg.eigh(covariance)
    # The eigenvalue of a constant column is 0; the column becomes the target's mean.
    small = values <= 1e-12 * max(values.max(), 1e-300)
    powers = np.where(small, 0.0, np.where(small, 1.0, values) ** exponent)
    return (vectors * powers) @ vectors.T
