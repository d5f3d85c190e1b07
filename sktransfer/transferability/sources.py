"""rank_sources: which source is most similar to the target."""

import math
import numbers
from functools import partial

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array

from sktransfer._inputs.columns import TableColumns
from sktransfer._inputs.domains import as_labels
from sktransfer._inputs.frames import check_container, check_same_columns
from sktransfer._inputs.labels import repeat_few_labels
from sktransfer._inputs.unlabeled import label_array
from sktransfer._results_table import ResultsTable
from sktransfer.transferability._candidates import describe_error, named_candidates
from sktransfer.transferability._checks import check_classes, check_partial_labels
from sktransfer.transferability.distances import (
    coral_distance,
    mmd,
    prior_distance,
    proxy_a_distance,
)
from sktransfer.transferability.expected_prediction import leep

_MEASURES = ("leep", "a_distance", "mmd", "coral_distance", "prior_distance")


def rank_sources(sources, X_target, y_target=None):
    """Rank sources by their similarity to the target.

    Columns are first standardized by the means and standard deviations of the target,
    so that the distances of different sources can be compared.

    Parameters
    ----------
    sources : dict or list
        Samples of each source: an array of shape (n_samples, ...), or a tuple (X, y)
        with labels. The keys of a dict are names.
    X_target : array-like of shape (n_samples, ...)
        Target samples. If the columns of X are not numbers with the same meaning in
        all domains, pass features of all domains instead.
    y_target : array-like of shape (n_samples,) or None, default=None
        Labels of the target. Unlabeled samples have None or NaN, or -1 if the classes
        are numbers and -1 is not a class of a source. They count for the distances.

    Returns
    -------
    ResultsTable
        One row a source, the most similar first: by `leep` where there is one, else by
        `a_distance`. Columns:

        - source: name;
        - leep: :func:`leep` of a logistic regression that is trained on the source,
          when both have labels; greater is better;
        - a_distance, mmd, coral_distance: :func:`proxy_a_distance`, :func:`mmd` and
          :func:`coral_distance` to the target; less is better;
        - prior_distance: :func:`prior_distance`, when both have labels;
        - n_samples: number of samples of the source;
        - note: why a source has no distances.

    Raises
    ------
    ValueError
        When `sources` is empty, `X_target` is not finite numbers, or `y_target` has
        one class or as many classes as samples. An error with one source is in its
        note instead.

    Examples
    --------
    >>> from sktransfer import rank_sources
    >>> from sktransfer.datasets import make_shifted_classification
    >>> X, y, sample_domain = make_shifted_classification(random_state=0)
    >>> source, target = sample_domain >= 0, sample_domain < 0
    >>> table = rank_sources({"near": X[source], "far": X[source] + 10}, X[target])
    >>> table["source"]
    ['near', 'far']
    """
    sources = named_candidates(
        sources, "sources", lambda position, _: f"source {position}"
    )
    check_container(X_target)
    columns = TableColumns(X_target, accepts_tables=False)
    compare = partial(_compare, columns=columns, frame=X_target)
    X_target = _flat(X_target, "X_target", columns)
    labeled = None
    if y_target is not None:
        y_target, labeled = check_partial_labels(
            y_target, len(X_target), _known_classes(sources), "y_target"
        )
    scaler = StandardScaler().fit(X_target)
    rows = [
        compare(name, source, scaler, scaler.transform(X_target), y_target, labeled)
        for name, source in sources.items()
    ]
    rows.sort(key=_rank)
    return ResultsTable(rows)


def _known_classes(sources):
    """Return the labels of all sources that are numbers."""
    labels = [label_array(s[1]).ravel() for s in sources.values() if _has_labels(s)]
    return [
        label
        for part in labels
        for label in part.tolist()
        if isinstance(label, numbers.Number)
    ]


def _has_labels(source):
    return isinstance(source, tuple) and len(source) == 2 and source[1] is not None


def _rank(row):
    """Order by LEEP and then by the proxy A-distance; NaN is last."""
    values = -row["leep"], row["a_distance"]
    return [math.inf if math.isnan(value) else value for value in values]


def _compare(name, source, scaler, X_target, y_target, labeled, *, columns, frame):
    row = {"source": name} | dict.fromkeys(_MEASURES, math.nan)
    row |= {"n_samples": None, "note": ""}
    try:
        X, y = source if isinstance(source, tuple) else (source, None)
        check_same_columns(X, frame, "X", "X_target")
        X = _flat(X, "X", columns)
        row["n_samples"] = len(X)
        X = scaler.transform(X)
        row["a_distance"] = proxy_a_distance(X, X_target)
        row["mmd"] = mmd(X, X_target)
        row["coral_distance"] = coral_distance(X, X_target)
        if y is not None and y_target is not None:
            y = as_labels(label_array(y))
            check_classes(y, len(X))
            row["prior_distance"] = prior_distance(y, y_target)
            model = LogisticRegression(max_iter=500).fit(*repeat_few_labels(X, y))
            row["leep"] = leep(model.predict_proba(X_target[labeled]), y_target)
    except (TypeError, ValueError) as error:
        row["note"] = describe_error(error)
    return row


def _flat(X, name, columns):
    """Return samples as a matrix of numbers, with columns as those of the target."""
    check_container(X)
    if columns.must_convert(X):
        X = columns.transform(X)
    X = check_array(X, allow_nd=True, input_name=name, dtype=[np.float64, np.float32])
    return X.reshape(len(X), -1)
