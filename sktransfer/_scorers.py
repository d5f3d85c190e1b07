"""Scorers of scikit-learn: whether their metric uses sample weights."""

import inspect

_PARAMETER = "sample_weight"


def supports_weights(scorer, n_classes):
    """Return whether a scorer has a use for sample weights.

    Parameters
    ----------
    scorer : callable
        Scorer of scikit-learn, or a function ``scorer(estimator, X, y)``.
    n_classes : int
        Number of classes.

    Returns
    -------
    bool
        True if the metric of the scorer, or the function itself, has a parameter
        ``sample_weight``. False for one-vs-one ROC AUC of three classes and above,
        which scikit-learn does not compute with weights.
    """
    # Scikit-learn has no public way to get the metric of a scorer.
    metric = getattr(scorer, "_score_func", scorer)
    options = getattr(scorer, "_kwargs", {})
    if options.get("multi_class") == "ovo" and n_classes > 2:
        return False
    try:
        return _PARAMETER in inspect.signature(metric).parameters
    except (TypeError, ValueError):
        # Some callables have no signature.
        return False
