"""rank_backbones: which pretrained backbone to start from."""

import contextlib
import math
import os
import time
from functools import partial

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing

from sktransfer._inputs.columns import TableColumns
from sktransfer._inputs.encoding import TableEncoding
from sktransfer._inputs.samples import check_rows
from sktransfer._large_arrays import take_rows
from sktransfer._results_table import ResultsTable
from sktransfer._suggestions import did_you_mean
from sktransfer.learners.choose import read_source
from sktransfer.transferability._candidates import describe_error, named_candidates
from sktransfer.transferability._checks import check_partial_labels
from sktransfer.transferability.bhattacharyya import gbc
from sktransfer.transferability.class_means import h_score
from sktransfer.transferability.coding_rate import transrate
from sktransfer.transferability.evidence import logme
from sktransfer.transferability.mixture import nleep
from sktransfer.transferability.neighbors import knn_score

_SCORES = {
    function.__name__: function
    for function in (gbc, h_score, knn_score, logme, nleep, transrate)
}


def rank_backbones(candidates, X, y, score="logme", cv=None):
    """Rank pretrained backbones by how well their features suit the target.

    Nothing is trained. Each backbone computes the features of X once, through the
    :ref:`feature store <feature_store>`, and a score compares them with y. Two
    controls are ranked too: the raw inputs, and the best candidate with random
    weights. A candidate that is not better than both controls does not help.

    Parameters
    ----------
    candidates : dict or list
        Backbones, as for :class:`~sktransfer.TransferClassifier`: names, paths,
        callables, Keras models or `Backbone` objects. A tuple (backbone,
        feature_layer) has the features of that layer. The keys of a dict are names.
    X : array-like of shape (n_samples, ...)
        Target samples. Networks for tables accept frames with categories and missing
        values; the raw inputs are then encoded as for them.
    y : array-like of shape (n_samples,)
        Their labels. Unlabeled samples are left out: None or NaN, or -1 if the classes
        are numbers, there are fitted backbones among the candidates, and -1 is not a
        class of one of them.
    score : str or callable, default="logme"
        Score of features: "logme", "knn_score", "gbc", "nleep", "h_score" or
        "transrate", or a function of features and y. Greater is better.
    cv : int, splitter, iterable or None, default=None
        With None all samples are scored at once. Otherwise the score is the mean over
        the training sets of the splits, and its standard deviation shows how certain
        the ranking is.

    Returns
    -------
    ResultsTable
        One row a candidate, the best first. Columns:

        - candidate: name;
        - score: NaN when there is none;
        - score_std: standard deviation over splits, only with `cv`;
        - n_features: number of features;
        - n_parameters: number of weights up to the feature layer;
        - seconds: time to compute the features; short if the feature store has them;
        - note: which control it is, or why there is no score.

    Raises
    ------
    ValueError
        When `candidates` is empty, `score` is unknown, X is not finite numbers, or y
        has one class or as many classes as samples. An error with one candidate is
        in its note instead.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sktransfer import TransferClassifier, rank_backbones
    >>> X, y = load_digits(return_X_y=True)
    >>> X /= 16
    >>> source = TransferClassifier("mlp", epochs=10, random_state=0).fit(
    ...     X[:900], y[:900]
    ... )
    >>> table = rank_backbones({"digits": source.backbone_}, 1 - X[900:], y[900:])
    >>> sorted(table["candidate"])
    ['digits', 'random weights', 'raw inputs']
    """
    from sktransfer.features import BackboneFeatures

    score = _resolve_score(score)
    candidates = named_candidates(candidates, "candidates", _make_name)
    candidates = {name: _split_candidate(c) for name, c in candidates.items()}
    columns = TableColumns(X, accepts_tables=_accepts_tables(candidates))
    numbers = check_rows(BackboneFeatures(None), X, reset=True, columns=columns)
    # Each network for tables gives the categories of a frame its own positions.
    has_own = columns.accepts_tables and columns.must_convert(X)
    n_samples = len(numbers)
    y, labeled = check_partial_labels(y, n_samples, _known_classes(candidates))
    if len(labeled) < n_samples:
        numbers = take_rows(numbers, labeled)
        X = _safe_indexing(X, labeled) if has_own else X
    X = X if has_own else numbers
    splits = [slice(None)]
    if cv is not None:
        cross_validation = check_cv(cv, y, classifier=True)
        splits = [train for train, _ in cross_validation.split(numbers, y)]
        if len(labeled) < n_samples and not hasattr(cv, "split") and np.iterable(cv):
            # These are positions among all samples.
            splits = [np.flatnonzero(np.isin(labeled, train)) for train in splits]

    rows, backbones = [], {}
    for name, (backbone, layer) in candidates.items():
        row, backbones[name] = _score_candidate(
            name, partial(_compute_features, X, backbone, layer), score, y, splits
        )
        rows.append(row)
    controls = {"raw inputs": (partial(_raw_inputs, numbers, columns), "control")}
    scored = [row for row in rows if not math.isnan(row["score"])]
    if scored:
        best = max(scored, key=lambda row: row["score"])["candidate"]
        controls["random weights"] = (
            partial(_compute_features, X, backbones[best], weights=None),
            f"control: the network of {best}",
        )
    for name, (make_features, note) in controls.items():
        name = f"{name} (control)" if name in candidates else name
        row, _ = _score_candidate(name, make_features, score, y, splits)
        rows.append(row | {"note": row["note"] or note})
    if cv is None:
        for row in rows:
            del row["score_std"]
    # NaN has no order.
    rows.sort(key=lambda row: math.inf if math.isnan(row["score"]) else -row["score"])
    return ResultsTable(rows)


def _accepts_tables(candidates):
    """Return whether a candidate accepts missing values and categories."""
    for backbone, _ in candidates.values():
        # The note of its row says what cannot be a backbone.
        with contextlib.suppress(TypeError):
            if read_source(backbone).accepts_tables:
                return True
    return False


def _raw_inputs(X, columns):
    """Return the inputs as features, as :func:`_compute_features` does.

    Categories and missing values are encoded as for a network.
    """
    features = X.reshape(len(X), -1)
    if columns.nominal or (X.dtype.kind == "f" and np.isnan(X).any()):
        weight = np.ones(len(X))
        encoding = TableEncoding.fit(features, np.arange(len(X)), weight, columns)
        features = encoding.transform(features)[:, encoding.used_inputs]
    return features, None, 0.0


def _known_classes(candidates):
    """Return the classes that fitted backbones were trained on."""
    from sktransfer.backbones.backbone import Backbone

    return [
        label
        for backbone, _ in candidates.values()
        if isinstance(backbone, Backbone) and backbone.classes is not None
        for label in backbone.classes.tolist()
    ]


def _score_candidate(name, make_features, score, y, splits):
    """Return the row of a candidate, and its backbone or None."""
    row = {"candidate": name, "score": math.nan, "score_std": math.nan}
    row |= {"n_features": None, "n_parameters": None, "seconds": math.nan, "note": ""}
    backbone = None
    try:
        features, backbone, row["seconds"] = make_features()
        weights = () if backbone is None else backbone.weights
        row["n_features"] = features.shape[1]
        row["n_parameters"] = sum(array.size for array in weights)
        scores = [score(features[train], y[train]) for train in splits]
        row["score"], row["score_std"] = float(np.mean(scores)), float(np.std(scores))
    except Exception as error:
        row["note"] = describe_error(error)
    return row, backbone


def _resolve_score(score):
    if callable(score):
        return score
    if score not in _SCORES:
        raise ValueError(
            f"score={score!r}; expected a function of features and y, or one of "
            f"{', '.join(map(repr, sorted(_SCORES)))}.{did_you_mean(score, _SCORES)}"
        )
    return _SCORES[score]


def _split_candidate(candidate):
    """Return the backbone and the feature layer of a candidate."""
    if isinstance(candidate, tuple):
        if len(candidate) != 2 or not isinstance(candidate[1], str):
            raise ValueError(
                f"candidates has the tuple {candidate!r}; expected (backbone, "
                "feature_layer), with the name of a layer."
            )
        return candidate
    return candidate, "auto"


def _make_name(position, candidate):
    backbone, layer = _split_candidate(candidate)
    if isinstance(backbone, (str, os.PathLike)):
        name = os.fspath(backbone)
    else:
        name = getattr(backbone, "name", None) or getattr(backbone, "__name__", None)
        name = name or f"candidate {position}"
    return name if layer == "auto" else f"{name} at {layer}"


def _compute_features(X, backbone, layer="auto", weights="auto"):
    """Compute features with BackboneFeatures.

    Returns
    -------
    features : ndarray of shape (n_samples, n_features)
        Features.
    backbone : Backbone
        The network.
    seconds : float
        Time to compute the features.
    """
    from sktransfer.features import BackboneFeatures

    transformer = BackboneFeatures(
        backbone, weights=weights, feature_layer=layer, random_state=0
    ).fit(X)
    start = time.perf_counter()
    features = transformer.transform(X)
    return features, transformer.backbone_, time.perf_counter() - start
