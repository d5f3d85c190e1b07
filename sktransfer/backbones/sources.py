"""From what a user passes as `backbone` to a Backbone."""

import collections
import inspect
import os
import sys
import threading
import weakref
from pathlib import Path

import keras
import numpy as np

from sktransfer._random import preserve_random_state
from sktransfer._threads import limit_worker_threads
from sktransfer.backbones import files, graph, zoo
from sktransfer.backbones.backbone import Backbone
from sktransfer.exceptions import BackboneError

limit_worker_threads()

_FILE_SUFFIXES = (".keras", ".h5", ".hdf5")
# Weights, feature layer and preprocessing that leave a Backbone as it is.
_UNCHANGED = [("auto", "auto", "auto"), ("auto", "auto", None), (None, "auto", "auto")]
_MAX_CACHED = 16
_by_key = collections.OrderedDict()
_by_model = weakref.WeakKeyDictionary()
_lock = threading.RLock()


def resolve(
    backbone,
    *,
    weights="auto",
    feature_layer="auto",
    preprocess="auto",
    row_shape,
    seed,
):
    """Turn the parameters that describe a backbone into a Backbone.

    Parameters
    ----------
    backbone : str, path-like, callable, keras.Model or Backbone
        Anything that TransferClassifier accepts but "mlp" and "tabular".
    weights : str, path-like or None
        "auto", "imagenet", a weights file, or None for fresh random weights.
    feature_layer : str
        Where to cut.
    preprocess : str or None
        "auto", None, or the name of an application whose preprocessing to prepend.
    row_shape : tuple of int
        Shape of one row of X, for networks that are built to fit it.
    seed : int
        Seed of fresh random weights.

    Returns
    -------
    Backbone

    Raises
    ------
    BackboneError, TypeError
        When there is no such backbone, or it cannot be used.
    """
    with _lock:
        resolved = _resolve(backbone, weights, feature_layer, preprocess, row_shape)
    if weights is None:
        fresh = resolved.build_architecture(seed=seed).get_weights()
        resolved = resolved.replace(
            weights=fresh, head=None, classes=None, pretrained=False
        )
    return resolved


def _resolve(backbone, weights, feature_layer, preprocess, row_shape):
    if isinstance(backbone, Backbone):
        if (weights, feature_layer, preprocess) in _UNCHANGED:
            return backbone
        cut_here = "output" if feature_layer == "auto" else feature_layer
        model = backbone.build(dtype=None)
        made = _finish(model, weights, cut_here, preprocess)
        if weights == "auto":
            made = made.replace(pretrained=backbone.pretrained)
            if feature_layer == "auto":
                made = made.replace(head=backbone.head, classes=backbone.classes)
        return made
    if isinstance(backbone, keras.Model):
        return _from_model(backbone, weights, feature_layer, preprocess)
    if isinstance(backbone, (str, os.PathLike)):
        key = (
            os.fspath(backbone),
            _file_state(backbone),
            _file_state(weights),
            weights if weights is None else os.fspath(weights),
            feature_layer,
            preprocess,
            row_shape,
        )
        return _cached(
            key,
            lambda: _from_name(backbone, weights, feature_layer, preprocess, row_shape),
        )
    if callable(backbone):

        def make():
            return _finish(
                _call(backbone, row_shape), weights, feature_layer, preprocess
            )

        if not _is_importable(backbone):
            return make()
        key = (
            backbone,
            _file_state(weights),
            weights,
            feature_layer,
            preprocess,
            row_shape,
        )
        return _cached(key, make)
    raise TypeError(
        f"backbone is of type {type(backbone).__name__}; expected 'mlp', 'tabular', "
        "the name of a keras.applications model, 'hub:PRESET', a path to a .keras or "
        ".h5 file, a callable that returns a keras.Model, a keras.Model or a Backbone."
    )


def _from_name(name, weights, feature_layer, preprocess, row_shape):
    text = os.fspath(name)
    if (
        isinstance(name, os.PathLike)
        or text.endswith(_FILE_SUFFIXES)
        or (
            Path(text).exists()
            or (len(Path(text).parts) > 1 and not text.startswith("hub:"))
        )
    ):
        if files.is_weights_only(name):
            raise BackboneError(
                f"backbone={text!r} holds weights and no architecture. Give the "
                "architecture as `backbone` (a name, a callable or a keras.Model) and "
                f"the file as `weights={text!r}`."
            )
        return _finish(files.read_model(name), weights, feature_layer, preprocess)
    own = preprocess if preprocess in ("auto", None) else None
    options = {"input_shape": row_shape, "preprocess": own}
    if text.startswith("hub:"):
        preset = text.removeprefix("hub:")
        model = zoo.build_hub(preset, weights=weights, **options)
    else:
        weights = "imagenet" if weights == "auto" else weights
        model = zoo.build_application(text, weights=weights, **options)
    # What they load themselves is in the model by now.
    return _finish(model, "auto", feature_layer, preprocess if own is None else "auto")


def _from_model(model, weights, feature_layer, preprocess):
    graph.check_graph(model)
    state = [np.array(array) for array in model.get_weights()]
    options = (weights, _file_state(weights), feature_layer, preprocess)
    known = _by_model.get(model)
    if (
        known is not None
        and known[0] == options
        and all(map(np.array_equal, known[1], state))
    ):
        return known[2]
    backbone = _finish(model, weights, feature_layer, preprocess)
    _by_model[model] = (options, state, backbone)
    return backbone


def _finish(model, weights, feature_layer, preprocess):
    if weights not in ("auto", None):
        if weights == "imagenet":
            raise BackboneError(
                "weights='imagenet' goes with the name of a keras.applications model; "
                f"backbone={model.name!r} is not one. Accepted here: 'auto', None or "
                "the path of a weights file."
            )
        graph.check_graph(model)
        model = graph.duplicate(model)
        files.load_weights(model, weights)
    if preprocess not in ("auto", None):
        model = graph.prepend(zoo.application_preprocessing(preprocess), model)
    return Backbone.from_model(
        model, feature_layer=feature_layer, pretrained=weights is not None
    )


def _call(function, row_shape):
    takes_shape = "input_shape" in inspect.signature(function).parameters
    with preserve_random_state(seed=0):
        model = function(input_shape=row_shape) if takes_shape else function()
    if not isinstance(model, keras.Model):
        raise BackboneError(
            f"backbone={getattr(function, '__name__', function)!r} returned "
            f"{type(model).__name__}; it must return a keras.Model."
        )
    return model


def _is_importable(function):
    module = sys.modules.get(getattr(function, "__module__", None))
    return getattr(module, getattr(function, "__qualname__", ""), None) is function


def _file_state(path):
    if not isinstance(path, (str, os.PathLike)) or not os.path.exists(path):
        return None
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size, status.st_ino


def _cached(key, make):
    if key in _by_key:
        _by_key.move_to_end(key)
    else:
        _by_key[key] = make()
        while len(_by_key) > _MAX_CACHED:
            _by_key.popitem(last=False)
    return _by_key[key]
