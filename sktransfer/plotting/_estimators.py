"""From a search or a pipeline to the fitted estimator in it."""

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def last_step(estimator):
    """Find the last step of an estimator, and what comes before it.

    Parameters
    ----------
    estimator : estimator
        Fitted: one of this package, or a pipeline or search that ends in one.

    Returns
    -------
    before : Pipeline or None
        The steps that its rows go through first, if there are any.
    last : estimator
        The last step, fitted.

    Raises
    ------
    NotFittedError
        When it is not fitted.
    """
    check_is_fitted(estimator)
    if hasattr(estimator, "best_estimator_"):
        return last_step(estimator.best_estimator_)
    if not isinstance(estimator, Pipeline):
        return None, estimator
    check_is_fitted(estimator[-1])
    return (estimator[:-1] if estimator[:-1].steps else None), estimator[-1]
