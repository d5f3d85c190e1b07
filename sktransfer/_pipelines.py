"""Pipelines and searches: the final estimator, and the samples that reach it."""

import numpy as np
from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import (
    check_array,
    check_is_fitted,
    has_fit_parameter,
)


def final_estimator(estimator):
    """Return the estimator that a pipeline or a search ends in.

    Parameters
    ----------
    estimator : estimator
        Fitted. Of a search, the best estimator is taken.

    Returns
    -------
    preprocessing : Pipeline or None
        The fitted steps before the final estimator.
    final : estimator
        The final estimator, fitted; `estimator` itself when it is neither a pipeline
        nor a search.

    Raises
    ------
    NotFittedError
        When `estimator` is not fitted.
    """
    check_is_fitted(estimator)
    if hasattr(estimator, "best_estimator_"):
        return final_estimator(estimator.best_estimator_)
    if not isinstance(estimator, Pipeline):
        return None, estimator
    check_is_fitted(estimator[-1])
    return (estimator[:-1] if len(estimator) > 1 else None), estimator[-1]


def compute_features(estimator, X):
    """Compute the features on which a fitted classifier decides.

    Parameters
    ----------
    estimator : classifier
        Fitted; may be a pipeline or a search.
    X : array-like or data frame of shape (n_samples, ...)
        Samples that `estimator` accepts.

    Returns
    -------
    ndarray of shape (n_samples, n_features), float
        Features of the network, when the final estimator has a ``backbone_``. A
        network that learns in context has no features of its own: logarithms of its
        class probabilities. For any other classifier, X as it reaches the final
        estimator.
    """
    preprocessing, final = final_estimator(estimator)
    if preprocessing is not None:
        X = preprocessing.transform(X)
    if not hasattr(final, "backbone_"):
        X = check_array(X, allow_nd=True, dtype="numeric", input_name="features")
        return X.reshape(len(X), -1)
    if final.backbone_.learns_in_context:
        return np.log(np.maximum(final.predict_proba(X), np.finfo(float).tiny))
    from sktransfer.features import BackboneFeatures

    return BackboneFeatures(final.backbone_, dtype=final.dtype).fit_transform(X)


def uses_sample_domain(estimator):
    """Return whether `fit` of an estimator accepts sample_domain.

    Parameters
    ----------
    estimator : estimator
        May be a pipeline, a search, or both.

    Returns
    -------
    bool
    """
    return has_fit_parameter(estimator, "sample_domain") or get_routing_for_object(
        estimator
    ).consumes("fit", ["sample_domain"])


def sample_domain_name(estimator):
    """Name the parameter of `fit` that passes sample_domain to the final estimator.

    Parameters
    ----------
    estimator : estimator
        May be a pipeline, a search, or both.

    Returns
    -------
    str
        "sample_domain"; for a Pipeline without metadata routing with the name of its
        last step, such as "clf__sample_domain".
    """
    if isinstance(estimator, Pipeline) and not get_config()["enable_metadata_routing"]:
        name, final = estimator.steps[-1]
        return f"{name}__{sample_domain_name(final)}"
    inner = getattr(estimator, "estimator", None)
    return "sample_domain" if inner is None else sample_domain_name(inner)
