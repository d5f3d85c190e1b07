"""The features that a fitted classifier decides on."""

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array


def features_of(estimator, X):
    """Compute an estimator's own features.

    Parameters
    ----------
    estimator : classifier
        Fitted. A network's features are those of ``backbone_``; a pipeline's are those
        of its last step, on transformed rows; a search's those of its best estimator.
        Of any other classifier they are X.
    X : array-like of shape (n_samples, ...)
        Rows.

    Returns
    -------
    ndarray of shape (n_samples, n_features), float
    """
    if hasattr(estimator, "best_estimator_"):
        return features_of(estimator.best_estimator_, X)
    if isinstance(estimator, Pipeline):
        if len(estimator) > 1:
            X = estimator[:-1].transform(X)
        return features_of(estimator[-1], X)
    if hasattr(estimator, "backbone_"):
        from sktransfer.features import BackboneFeatures

        transformer = BackboneFeatures(estimator.backbone_, dtype=estimator.dtype)
        X = transformer.fit(X).transform(X)
    X = check_array(X, allow_nd=True, dtype="numeric", input_name="features")
    return X.reshape(len(X), -1)
