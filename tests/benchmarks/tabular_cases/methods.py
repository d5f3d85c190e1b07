"""The methods: functions that make a classifier for rows, classes and a seed."""

import os

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from tabular_cases.preprocessing import encoder

_FOLDS, _REPEATS = 5, 3
# Weaker penalties make single rows cost much where few rows are separated.
_C = np.logspace(-3, 2, 6)


def logistic(y, seed):
    """Logistic regression as it comes."""
    return make_pipeline(encoder(), LogisticRegression(max_iter=1000))


def logistic_tuned(y, seed):
    """Logistic regression with a penalty chosen by cross-validation.

    It is repeated, as the choice is a matter of luck with few rows. There are no more
    folds than rows of the rarest class; a class with one row leaves the penalty as it
    comes.
    """
    folds = min(_FOLDS, np.bincount(y).min())
    if folds < 2:
        return logistic(y, seed)
    cv = RepeatedStratifiedKFold(n_splits=folds, n_repeats=_REPEATS, random_state=seed)
    search = GridSearchCV(
        LogisticRegression(max_iter=1000),
        {"C": _C},
        scoring="neg_log_loss",
        cv=cv,
    )
    return make_pipeline(encoder(), search)


def forest(y, seed):
    """Random forest of 200 trees."""
    trees = RandomForestClassifier(200, n_jobs=1, random_state=seed)
    return make_pipeline(encoder(), trees)


def boosting(y, seed):
    """Gradient boosting, which takes categories and gaps, as it comes."""
    return HistGradientBoostingClassifier(
        categorical_features="from_dtype", random_state=seed
    )


def mlp(y, seed):
    """Network of scikit-learn as it comes."""
    return make_pipeline(encoder(), MLPClassifier(random_state=seed))


def transfer_mlp(y, seed):
    """Our network for tables without pretrained weights, on encoded columns."""
    return make_pipeline(encoder(), _transfer(seed, backbone="mlp"))


def transfer_tabular(y, seed):
    """Our pretrained network for tables, on the columns as they are."""
    weights = os.environ.get("SKTRANSFER_TABULAR_WEIGHTS", "auto")
    return _transfer(seed, backbone="tabular", weights=weights)


def transfer_tabular_random(y, seed):
    """The same network with random weights: what the pretraining gives."""
    return _transfer(seed, backbone="tabular", weights=None)


def _transfer(seed, **parameters):
    # TensorFlow takes seconds to import, and the others do without.
    from sktransfer import TransferClassifier

    return TransferClassifier(random_state=seed, **parameters)


BASELINES = {
    "logistic": logistic,
    "logistic-tuned": logistic_tuned,
    "forest": forest,
    "boosting": boosting,
    "mlp": mlp,
}
OURS = {
    "transfer-mlp": transfer_mlp,
    "tabular": transfer_tabular,
    "tabular-random": transfer_tabular_random,
}
METHODS = BASELINES | OURS
