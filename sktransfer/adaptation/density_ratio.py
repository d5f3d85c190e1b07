"""Density ratio of target and source, by a classifier of the two domains."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

_N_FOLDS = 5
# The exponential of larger numbers may overflow.
_MAX_LOG_ODDS = 500.0


def density_ratio(source_features, target_features, *, seed):
    """Estimate the density ratio of target and source at the source samples.

    Parameters
    ----------
    source_features, target_features : ndarray of shape (n, n_features)
        Features of each domain, at least two samples of each.
    seed : int
        Seed of the folds.

    Returns
    -------
    ndarray of shape (n_source,), float64
        p(t | f) / p(s | f) times n_source / n_target.
    """
    n_source, n_target = len(source_features), len(target_features)
    log_odds = domain_log_odds(source_features, target_features, seed=seed)[:n_source]
    ratio = np.exp(np.clip(log_odds, -_MAX_LOG_ODDS, _MAX_LOG_ODDS))
    return ratio * (n_source / n_target)


def domain_log_odds(source_features, target_features, *, seed):
    """Estimate the log odds that a sample is of the target, by cross-validation.

    Parameters
    ----------
    source_features, target_features : ndarray of shape (n, n_features)
        Features of each domain, at least two samples of each.
    seed : int
        Seed of the folds.

    Returns
    -------
    ndarray of shape (n_source + n_target,), float64
        First the source samples, then the target samples. The classifier of each
        sample was not trained on it.
    """
    n_source, n_target = len(source_features), len(target_features)
    n_folds = min(_N_FOLDS, n_source, n_target)
    if n_folds < 2:
        raise ValueError(
            f"There are {n_source} samples of the source and {n_target} of the target. "
            "A classifier of the two domains needs at least 2 of each."
        )
    return cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        np.concatenate([source_features, target_features]),
        np.repeat([0, 1], [n_source, n_target]),
        cv=StratifiedKFold(n_folds, shuffle=True, random_state=seed),
        method="decision_function",
    )
