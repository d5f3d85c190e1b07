"""The methods: functions that make a classifier for rows, classes and a seed."""

import os

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from tabular_cases.boosting import TunedBoosting
from tabular_cases.preprocessing import encoder, encoder_of_many, filled

_FOLDS, _REPEATS = 5, 3
# With more rows one repeat of the folds does.
_MOST_REPEATED = 1000
# Weaker penalties make single rows cost much where few rows are separated.
_C = np.logspace(-3, 2, 6)


def logistic(y, seed):
    """Logistic regression as it comes."""
    return make_pipeline(encoder(), LogisticRegression(max_iter=1000))


def logistic_tuned(y, seed):
    """Logistic regression with a penalty chosen by cross-validation.

    It is repeated up to 1,000 rows, as the choice is a matter of luck with few rows.
    There are no more folds than rows of the rarest class; a class with one row leaves
    the penalty as it comes.
    """
    folds = min(_FOLDS, np.bincount(y).min())
    if folds < 2:
        return logistic(y, seed)
    repeats = _REPEATS if len(y) <= _MOST_REPEATED else 1
    cv = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
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
    trees = HistGradientBoostingClassifier(
        categorical_features="from_dtype", random_state=seed
    )
    return make_pipeline(encoder_of_many(), trees)


def boosting_tuned(y, seed):
    """Gradient boosting with the best of 20 random settings."""
    return make_pipeline(encoder_of_many(), TunedBoosting(random_state=seed))


def mlp(y, seed):
    """Network of scikit-learn as it comes."""
    return make_pipeline(encoder(), MLPClassifier(random_state=seed))


def mlp_stopped(y, seed):
    """Network of scikit-learn with early stopping.

    It stops by a tenth of the rows, drawn by class. Where that is not possible, it
    trains as it comes.
    """
    counts = np.bincount(y)
    stops = counts.min() > 1 and len(y) // 10 >= len(counts)
    network = MLPClassifier(early_stopping=stops, max_iter=1000, random_state=seed)
    return make_pipeline(encoder(), network)


def transfer_mlp(y, seed):
    """Our small network without pretrained weights, on the columns as they are."""
    return _transfer(seed, backbone="mlp")


def transfer_ensemble(y, seed):
    """Our ensemble of small networks, on the columns as they are."""
    return _transfer(seed, backbone="mlp_ensemble")


def transfer_tabular(y, seed):
    """Our pretrained network for tables, on the columns as they are."""
    weights = os.environ.get("SKTRANSFER_TABULAR_WEIGHTS", "auto")
    return _transfer(seed, backbone="tabular", weights=weights)


def transfer_tabular_random(y, seed):
    """The same network with random weights: what the pretraining gives."""
    return _transfer(seed, backbone="tabular", weights=None)


def transfer_auto(y, seed):
    """The backbone that the classifier chooses, on the columns as they are."""
    return _transfer(seed, backbone="auto")


def real_mlp(y, seed):
    """RealMLP of pytabkit with its tuned defaults, the smaller one."""
    return _pytabkit("RealMLP_TD_S_Classifier", seed)


def tab_m(y, seed):
    """TabM of pytabkit with its defaults."""
    return _pytabkit("TabM_D_Classifier", seed)


def _transfer(seed, **parameters):
    # TensorFlow takes seconds to import, and the others do without.
    from sktransfer import TransferClassifier

    return TransferClassifier(random_state=seed, **parameters)


def _pytabkit(name, seed):
    try:
        import pytabkit
    except ImportError as error:
        raise ImportError(
            'The methods "realmlp" and "tabm" need pytabkit, which is in the extra '
            'peers: pip install "sktransfer[peers]"'
        ) from error
    network = getattr(pytabkit, name)(device="cpu", n_threads=1, random_state=seed)
    return make_pipeline(filled(), network)


BASELINES = {
    "logistic": logistic,
    "logistic-tuned": logistic_tuned,
    "forest": forest,
    "boosting": boosting,
    "boosting-tuned": boosting_tuned,
    "mlp": mlp,
    "mlp-stopped": mlp_stopped,
}
OURS = {
    "transfer-mlp": transfer_mlp,
    "mlp-ensemble": transfer_ensemble,
    "tabular": transfer_tabular,
    "tabular-random": transfer_tabular_random,
    "auto": transfer_auto,
}
PEERS = {"realmlp": real_mlp, "tabm": tab_m}
METHODS = BASELINES | OURS | PEERS
# Methods that need a number of training rows.
LEAST_ROWS = {"boosting-tuned": 1000}
