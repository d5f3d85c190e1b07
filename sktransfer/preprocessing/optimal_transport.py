"""OTMapping: source samples moved to the target by optimal transport."""

import numbers
import warnings

import numpy as np
from sklearn.utils._param_validation import Interval
from sklearn.utils.multiclass import check_classification_targets

from sktransfer._extras import import_extra
from sktransfer._inputs.domains import as_labels
from sktransfer._inputs.unlabeled import is_missing_label, label_array
from sktransfer._warnings import warn_user
from sktransfer.preprocessing._source_mapping import SourceMapping

_MAX_ITER, _TOLERANCE = 1000, 1e-6


class OTMapping(SourceMapping):
    r"""Map each source sample to the target samples that it is transported to.

    The plan :math:`\pi` moves the source samples to the target samples at the least
    cost [1]_

    .. math:: \sum_{ij} \pi_{ij} \lVert x_i - x'_j \rVert^2 / c
       + \lambda \sum_{ij} \pi_{ij} \log \pi_{ij}
       + \eta \sum_{jc} \lVert \pi_{I_c j} \rVert_1^{1/2}

    with the median squared distance c and the samples :math:`I_c` of class c. The last
    term keeps samples of different classes from being moved to one target sample.
    `fit_transform` returns the mean of the target samples, weighted by row i of the
    plan, for source sample i. `transform` returns samples as they are, as in
    :class:`CORAL`: they are of the target.

    It needs the package POT: ``pip install sktransfer[ot]``. Time and memory grow with
    the product of the numbers of samples, so use some thousand at most.

    Parameters
    ----------
    regularization : float, default=0.3
        :math:`\lambda`, the weight of the entropy. With a larger value the samples
        move closer to the mean of the target.
    class_regularization : float, default=0.1
        :math:`\eta`, the weight of the term of the classes. It needs y; 0 does not.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Column names, if X has them.

    See Also
    --------
    CORAL : Maps means and covariances only.
    sktransfer.adaptation.DeepJDOT : Optimal transport of the features of a network.

    References
    ----------
    .. [1] Courty et al. (2017). Optimal Transport for Domain Adaptation. IEEE TPAMI
       39(9). arXiv:1507.00504

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sktransfer.datasets import make_shifted_classification
    >>> from sktransfer.preprocessing import OTMapping
    >>> X, y, sample_domain = make_shifted_classification(
    ...     kind="concept", random_state=0
    ... )
    >>> source, target = sample_domain >= 0, sample_domain < 0
    >>> plain = KNeighborsClassifier().fit(X[source], y[source])
    >>> model = make_pipeline(OTMapping(), KNeighborsClassifier())
    >>> model = model.fit(X[source], y[source], otmapping__X_target=(X[target],))
    >>> model.score(X[target], y[target]) > plain.score(X[target], y[target]) + 0.1
    True
    """

    _parameter_constraints = {
        "regularization": [Interval(numbers.Real, 0, None, closed="neither")],
        "class_regularization": [Interval(numbers.Real, 0, None, closed="left")],
    }

    def __init__(self, *, regularization=0.3, class_regularization=0.1):
        self.regularization = regularization
        self.class_regularization = class_regularization

    def _map(self, X, y, X_target):
        transport = import_extra("ot.da", "OTMapping", "sktransfer[ot]")
        options = {"norm": "median", "tol": _TOLERANCE}
        plan = transport.SinkhornTransport(self.regularization, **options)
        if self.class_regularization > 0:
            if y is None:
                raise ValueError(
                    f"class_regularization={self.class_regularization!r} needs y, the "
                    "labels of the source. Pass y, or use class_regularization=0."
                )
            y = label_array(y)
            if is_missing_label(y).any():
                raise ValueError("y has missing labels; expected one for each sample.")
            check_classification_targets(as_labels(y))
            _, y = np.unique(as_labels(y), return_inverse=True)
            plan = transport.SinkhornLpl1Transport(
                self.regularization,
                self.class_regularization,
                max_inner_iter=_MAX_ITER,
                **options,
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            mapped = plan.fit(Xs=X, ys=y, Xt=X_target).transform(Xs=X)
        moved = plan.coupling_.sum(axis=1)
        if not np.isfinite(moved).all() or (moved <= 0).any():
            raise ValueError(
                f"No plan was found with regularization={self.regularization!r} and "
                f"class_regularization={self.class_regularization!r}. Use a larger "
                "regularization or a smaller class_regularization, and check that the "
                "samples are not all equal."
            )
        for warning in caught:
            warn_user(f"OTMapping: {warning.message}", warning.category)
        return mapped
