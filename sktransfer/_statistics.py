"""Statistics of predictions and of domains, on NumPy arrays."""

import numpy as np
from scipy.special import entr
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

_N_FOLDS = 5
# The exponential of larger numbers may overflow.
_MAX_LOG_ODDS = 500.0


def entropy(proba):
    """Compute the entropy of discrete distributions.

    Parameters
    ----------
    proba : ndarray of shape (..., n_classes), float
        Probabilities.

    Returns
    -------
    ndarray of shape (...), float
        In nats.
    """
    return entr(proba).sum(axis=-1)


def mutual_information(proba):
    r"""Compute the mutual information of sample and predicted class (InfoMax).

    With p_i the class probabilities of sample i of n and H the entropy, it is

    .. math:: H(\frac{1}{n} \sum_i p_i) - \frac{1}{n} \sum_i H(p_i)

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes), float
        Class probabilities.

    Returns
    -------
    float
        In nats: from 0, when all samples have the same probabilities, to the logarithm
        of n_classes.
    """
    return entropy(proba.mean(axis=0)) - entropy(proba).mean()


def cohen_kappa(y, other_y):
    """Compute Cohen's kappa: the agreement of two labelings beyond chance.

    Parameters
    ----------
    y, other_y : ndarray of shape (n_samples,), int
        Class indices.

    Returns
    -------
    float
        1 for equal labelings, and 0 for as many equal labels as by chance.
    """
    n_classes = max(y.max(), other_y.max()) + 1
    fractions = [np.bincount(v, minlength=n_classes) / len(v) for v in (y, other_y)]
    chance = fractions[0] @ fractions[1]
    if chance == 1:
        return 1.0
    return float(((y == other_y).mean() - chance) / (1 - chance))


def true_class_proba(proba, y, classes):
    """Return the probability of the true class of each sample.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes), float
        Class probabilities.
    y : ndarray of shape (n_samples,)
        Labels.
    classes : array-like of shape (n_classes,)
        Class of each column of `proba`.

    Returns
    -------
    ndarray of shape (n_samples,), float
        0 for a label that is not in `classes`.
    """
    return (proba * (y[:, None] == np.asarray(classes))).sum(axis=1)


def domain_log_odds(X_source, X_target, *, seed, class_weight=None):
    """Estimate the log odds that a sample is from the target.

    The model is a logistic regression on standardized columns. It is cross-fitted: the
    log odds of a sample come from a model that was not trained on it.

    Parameters
    ----------
    X_source, X_target : ndarray of shape (n_samples, n_features), float
        Samples, or their features, of the two domains; at least two of each.
    seed : int
        Seed of the folds.
    class_weight : "balanced" or None, default=None
        "balanced" gives both domains the same weight.

    Returns
    -------
    ndarray of shape (n_samples_source + n_samples_target,), float
        Log odds of the source samples, then of the target samples.
    """
    sizes = [len(X_source), len(X_target)]
    n_folds = min(_N_FOLDS, *sizes)
    if n_folds < 2:
        raise ValueError(
            f"There are {sizes[0]} source samples and {sizes[1]} target samples; "
            "expected at least 2 of each, to tell the domains apart."
        )
    classifier = LogisticRegression(class_weight=class_weight, max_iter=1000)
    return cross_val_predict(
        make_pipeline(StandardScaler(), classifier),
        np.concatenate([X_source, X_target]),
        np.repeat([0, 1], sizes),
        cv=StratifiedKFold(n_folds, shuffle=True, random_state=seed),
        method="decision_function",
    )


def density_ratio(X_source, X_target, *, seed):
    """Estimate the density ratio of target and source at the source samples.

    Parameters
    ----------
    X_source, X_target : ndarray of shape (n_samples, n_features), float
        Samples, or their features, of the two domains; at least two of each.
    seed : int
        Seed of the folds of :func:`domain_log_odds`.

    Returns
    -------
    ndarray of shape (n_samples_source,), float
        At most about 1e217, so that sums of it are finite.
    """
    n_source, n_target = len(X_source), len(X_target)
    log_odds = domain_log_odds(X_source, X_target, seed=seed)[:n_source]
    ratio = np.exp(np.clip(log_odds, -_MAX_LOG_ODDS, _MAX_LOG_ODDS))
    return ratio * (n_source / n_target)
