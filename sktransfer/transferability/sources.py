"""rank_sources: which source is most like the target."""

import math

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array

from sktransfer._results_table import as_table, named, reason
from sktransfer.transferability._checks import check_classes
from sktransfer.transferability.distances import (
    coral_distance,
    mmd,
    prior_distance,
    proxy_a_distance,
)
from sktransfer.transferability.expected_prediction import leep


def rank_sources(sources, X_target, y_target=None):
    """Rank sources by how much they are like the target.

    Columns are first shifted and divided by the target's means and standard
    deviations, so that distances compare between sources.

    Parameters
    ----------
    sources : dict or list
        Rows of each source, an array of shape (n_samples, ...), or a tuple (X, y) of
        rows and labels. A dict gives them names.
    X_target : array-like of shape (n_samples, ...)
        Rows of the target. Pass features of both where X is no table of numbers with
        the same meaning.
    y_target : array-like of shape (n_samples,) or None, default=None
        Labels of the target.

    Returns
    -------
    pandas.DataFrame or Table
        The most alike first, by `leep` where there is one, else by `a_distance`; a
        DataFrame where pandas is installed. Columns:

        - source: its name;
        - leep: :func:`leep` of a logistic regression of the source, where both have
          labels; greater is better;
        - a_distance, mmd, coral_distance: :func:`proxy_a_distance`, :func:`mmd` and
          :func:`coral_distance` from the target; less is better;
        - prior_distance: :func:`prior_distance`, where both have labels;
        - n_rows: rows of the source;
        - note: why a source has no distances.

    Raises
    ------
    ValueError
        When `sources` is empty, `X_target` is not finite numbers, or `y_target` has
        one class or as many classes as rows. What goes wrong with one source is told
        in its row instead.

    Examples
    --------
    >>> from sktransfer.datasets import make_shifted_classification
    >>> from sktransfer.transferability import rank_sources
    >>> X, y, sample_domain = make_shifted_classification(random_state=0)
    >>> source, target = sample_domain >= 0, sample_domain < 0
    >>> table = rank_sources({"near": X[source], "far": X[source] + 10}, X[target])
    >>> list(table["source"])
    ['near', 'far']
    """
    sources = named(sources, "sources", lambda position, _: f"source {position}")
    X_target = _flat(X_target, "X_target")
    if y_target is not None:
        y_target = np.asarray(y_target)
        check_classes(y_target, len(X_target), "y_target")
    scaler = StandardScaler().fit(X_target)
    rows = [
        _row(name, source, scaler, scaler.transform(X_target), y_target)
        for name, source in sources.items()
    ]
    rows.sort(
        key=lambda found: [
            math.inf if math.isnan(value) else value
            for value in (-found["leep"], found["a_distance"])
        ]
    )
    return as_table(rows)


def _row(name, source, scaler, X_target, y_target):
    found = {
        "source": name,
        "leep": math.nan,
        "a_distance": math.nan,
        "mmd": math.nan,
        "coral_distance": math.nan,
        "prior_distance": math.nan,
        "n_rows": None,
    }
    try:
        X, y = source if isinstance(source, tuple) else (source, None)
        X = _flat(X, "X")
        found["n_rows"] = len(X)
        X = scaler.transform(X)
        found["a_distance"] = proxy_a_distance(X, X_target)
        found["mmd"] = mmd(X, X_target)
        found["coral_distance"] = coral_distance(X, X_target)
        if y is not None and y_target is not None:
            y = np.asarray(y)
            check_classes(y, len(X))
            found["prior_distance"] = prior_distance(y, y_target)
            model = LogisticRegression(max_iter=500).fit(X, y)
            found["leep"] = leep(model.predict_proba(X_target), y_target)
    except (TypeError, ValueError) as error:
        return found | {"note": reason(error)}
    return found | {"note": ""}


def _flat(X, name):
    X = check_array(X, allow_nd=True, input_name=name, dtype=[np.float64, np.float32])
    return X.reshape(len(X), -1)
