"""rank_backbones: which pretrained network to start from."""

import math
import os
import time

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils import check_array

from sktransfer._results_table import as_table, named, reason
from sktransfer.transferability._checks import check_classes
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
    """Rank pretrained networks by how well their features suit the target.

    Nothing is trained. Each network computes the features of X once, through the
    :ref:`feature store <feature_store>`, and they are scored with y. Beside the
    candidates two controls are ranked: the raw inputs, and the network of the best
    candidate with random weights. A candidate that is no better than they are is not
    worth its start.

    Parameters
    ----------
    candidates : dict or list
        Backbones as :class:`~sktransfer.TransferClassifier` takes them: names, paths,
        callables, Keras models or `Backbone` objects. A tuple (backbone,
        feature_layer) cuts one at a layer. A dict gives them names.
    X : array-like of shape (n_samples, ...)
        Rows of the target.
    y : array-like of shape (n_samples,)
        Their labels.
    score : str or callable, default="logme"
        Name of a score of features, "logme", "knn_score", "gbc", "nleep", "h_score" or
        "transrate", or a function of features and y; greater is better.
    cv : int, splitter, iterable or None, default=None
        With None all rows are scored at once. Otherwise the score is the mean over
        the training rows of each split; their spread says how sure the ranking is.

    Returns
    -------
    pandas.DataFrame or Table
        The best first; a DataFrame where pandas is installed. Columns:

        - candidate: its name;
        - score: NaN where there is none;
        - score_std: standard deviation over splits, with `cv` only;
        - n_features: width of the features;
        - n_parameters: number of weights up to the feature layer;
        - seconds: time to get the features now, little if the feature store has them;
        - note: which control it is, or why there is no score.

    Raises
    ------
    ValueError
        When `candidates` is empty, `score` is unknown, X is not finite numbers, or y
        has one class or as many classes as rows. What goes wrong with one candidate
        is told in its row instead.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sktransfer import TransferClassifier
    >>> from sktransfer.transferability import rank_backbones
    >>> X, y = load_digits(return_X_y=True)
    >>> X /= 16
    >>> source = TransferClassifier("mlp", epochs=10, random_state=0).fit(
    ...     X[:900], y[:900]
    ... )
    >>> table = rank_backbones({"digits": source.backbone_}, 1 - X[900:], y[900:])
    >>> sorted(table["candidate"])
    ['digits', 'random weights', 'raw inputs']
    """
    scorer = _resolve_score(score)
    candidates = {
        name: _split(candidate)
        for name, candidate in named(candidates, "candidates", _name).items()
    }
    X = check_array(X, allow_nd=True, input_name="X")
    y = np.asarray(y)
    check_classes(y, len(X))
    splits = None
    if cv is not None:
        splits = [train for train, _ in check_cv(cv, y, classifier=True).split(X, y)]

    def row(name, make_features, note=""):
        """Score one candidate; returns its row and its backbone."""
        found = {"candidate": name, "score": math.nan}
        if splits is not None:
            found["score_std"] = math.nan
        found |= {"n_features": None, "n_parameters": None, "seconds": math.nan}
        backbone = None
        try:
            features, backbone, found["seconds"] = make_features()
            weights = () if backbone is None else backbone.weights
            found["n_features"] = features.shape[1]
            found["n_parameters"] = sum(array.size for array in weights)
            if splits is None:
                found["score"] = float(scorer(features, y))
            else:
                scores = [scorer(features[train], y[train]) for train in splits]
                found["score"] = float(np.mean(scores))
                found["score_std"] = float(np.std(scores))
        except Exception as error:
            note = reason(error)
        return found | {"note": note}, backbone

    rows, backbones = [], {}
    for name, (backbone, layer) in candidates.items():
        found, backbones[name] = row(
            name, lambda backbone=backbone, layer=layer: _features(X, backbone, layer)
        )
        rows.append(found)
    scored = [found for found in rows if not math.isnan(found["score"])]
    best = max(scored, key=lambda found: found["score"], default=None)
    controls = {"raw inputs": (lambda: (X.reshape(len(X), -1), None, 0.0), "control")}
    if best is not None:
        controls["random weights"] = (
            lambda: _features(X, backbones[best["candidate"]], weights=None),
            f"control: the network of {best['candidate']}",
        )
    for name, (make_features, note) in controls.items():
        own = f"{name} (control)" if name in candidates else name
        rows.append(row(own, make_features, note)[0])
    # Sorting keeps the order of equals; NaN would break it.
    rows.sort(
        key=lambda found: math.inf if math.isnan(found["score"]) else -found["score"]
    )
    return as_table(rows)


def _resolve_score(score):
    if callable(score):
        return score
    if score not in _SCORES:
        raise ValueError(
            f"score={score!r}; expected a function of features and y, or one of "
            f"{', '.join(map(repr, sorted(_SCORES)))}."
        )
    return _SCORES[score]


def _split(candidate):
    """Part a candidate into its backbone and feature layer."""
    if isinstance(candidate, tuple):
        if len(candidate) != 2 or not isinstance(candidate[1], str):
            raise ValueError(
                f"candidates has the tuple {candidate!r}; expected (backbone, "
                "feature_layer), with the name of a layer."
            )
        return candidate
    return candidate, "auto"


def _name(position, candidate):
    backbone, layer = _split(candidate)
    if isinstance(backbone, (str, os.PathLike)):
        name = os.fspath(backbone)
    else:
        name = getattr(backbone, "name", None) or getattr(backbone, "__name__", None)
        name = name or f"candidate {position}"
    return name if layer == "auto" else f"{name} at {layer}"


def _features(X, backbone, layer="auto", weights="auto"):
    """Compute features as BackboneFeatures does.

    Returns
    -------
    features : ndarray of shape (n_samples, n_features)
        Features.
    backbone : Backbone
        The network.
    seconds : float
        Time that the features took.
    """
    from sktransfer.features import BackboneFeatures

    transformer = BackboneFeatures(
        backbone, weights=weights, feature_layer=layer, random_state=0
    ).fit(X)
    start = time.perf_counter()
    features = transformer.transform(X)
    return features, transformer.backbone_, time.perf_counter() - start
