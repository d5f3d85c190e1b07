"""Reweight: rows of the source count as much as the target has such rows."""

import dataclasses

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer.adaptation._parameters import POSITIVE
from sktransfer.adaptation.base import AdaptationMethod

_N_FOLDS = 5
# Of what is still a number after exp.
_MAX_LOG = 500.0


class Reweight(AdaptationMethod):
    r"""Train on the source with weights that make it look like the target.

    A first network is trained as by :class:`SourceOnly`. A logistic regression on its
    standardized features, cross-fitted so that it gives no row for which it was
    trained, tells target from source [1]_. The weight of a row of the source is

    .. math:: w(f) = \left( \min \left\{ \frac{n_s}{n_t} \frac{P(t \mid f)}
       {P(s \mid f)}, \text{clip} \right\} \right)^{\alpha}

    with `trade_off` as :math:`\alpha`, which flattens the weights below 1 [2]_; they
    are then divided by their mean. A second network is trained from the same start with
    these weights.

    It helps where a network cannot fit all of the source and has to choose; one that
    can errs as before where the source has no rows. It is right under covariate shift:
    the classes' probabilities given the row are the same in both domains.

    Parameters
    ----------
    trade_off : float, default=1.0
        Exponent of the weights.
    clip : float, default=10.0
        Greatest ratio of the densities.

    References
    ----------
    .. [1] Bickel, Brückner & Scheffer (2009). Discriminative Learning Under Covariate
       Shift. JMLR 10.
    .. [2] Sugiyama, Krauledat & Müller (2007). Covariate Shift Adaptation by Importance
       Weighted Cross Validation. JMLR 8.
    """

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "clip": [POSITIVE],
    }

    def __init__(self, trade_off=1.0, *, clip=10.0):
        self.trade_off = trade_off
        self.clip = clip

    def adapt(self, task):
        """Train twice on the source; see the base class."""
        first = task.train()
        of_source = task.source_domains >= 0
        ratios = density_ratios(
            task.features(first, task.source.part(of_source)),
            task.features(first, task.target),
            seed=int(task.rng.integers(2**31)),
        )
        found = np.minimum(ratios, self.clip) ** self.trade_off
        # Labeled rows of the target are what the others are made to look like.
        weights = np.ones(len(task.source))
        weights[of_source] = found / found.mean()
        fit = task.train(sample_weight=weights)
        return dataclasses.replace(fit, attributes={"source_weights": weights})


def density_ratios(source_features, target_features, *, seed):
    """Estimate how much denser target rows are than source rows, at source rows.

    Parameters
    ----------
    source_features, target_features : ndarray of shape (n, n_features)
        Rows of either domain, at least two each.
    seed : int
        Of the folds.

    Returns
    -------
    ndarray of shape (n_source,), float64
        p(t | f) / p(s | f) times n_source / n_target.
    """
    n_source, n_target = len(source_features), len(target_features)
    log_odds = domain_log_odds(source_features, target_features, seed=seed)[:n_source]
    return np.exp(np.clip(log_odds, -_MAX_LOG, _MAX_LOG)) * (n_source / n_target)


def domain_log_odds(source_features, target_features, *, seed):
    """Estimate the log odds of a row to be of the target, by cross-fitting.

    Parameters
    ----------
    source_features, target_features : ndarray of shape (n, n_features)
        Rows of either domain, at least two each.
    seed : int
        Of the folds.

    Returns
    -------
    ndarray of shape (n_source + n_target,), float64
        Of the rows of the source, then those of the target.
    """
    n_source, n_target = len(source_features), len(target_features)
    n_folds = min(_N_FOLDS, n_source, n_target)
    if n_folds < 2:
        raise ValueError(
            f"There are {n_source} rows of the source and {n_target} of the target; "
            "expected at least 2 of each, to tell them apart."
        )
    return cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        np.concatenate([source_features, target_features]),
        np.repeat([0, 1], [n_source, n_target]),
        cv=StratifiedKFold(n_folds, shuffle=True, random_state=seed),
        method="decision_function",
    )
