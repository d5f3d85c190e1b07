"""Copies of live models, which stand for them in copies of an estimator."""

import json
import weakref
from dataclasses import dataclass

import numpy as np
from xxhash import xxh3_128_digest

from sktransfer._caches import Cache
from sktransfer.backbones import graph
from sktransfer.backbones.backbone import Backbone
from sktransfer.exceptions import BackboneError

_live_models = Cache("copies of live models", 1 << 28)


@dataclass(frozen=True, eq=False)
class ModelCopy:
    """A whole Keras model as plain data, with its nested models.

    Attributes
    ----------
    config : str
        Architecture, as JSON.
    custom_objects : tuple of tuple of str and object
        Classes and functions that are not part of Keras, by name.
    weights : tuple of ndarray
        Weights, in the order of Keras's ``model.get_weights()``.
    digest : bytes
        Hash of architecture and weights.
    is_cut : bool
        Whether the backbone that stands for the model is cut by feature_layer="auto".
        False if that is an error, so that the backbone has the whole model.
    """

    config: str
    custom_objects: tuple
    weights: tuple
    digest: bytes
    is_cut: bool

    def build(self):
        """Build the model as a live Keras model."""
        model = graph.deserialize(
            json.loads(self.config), custom_objects=dict(self.custom_objects)
        )
        model.set_weights(self.weights)
        return model


def copy_model(model):
    """Copy a live model as a Backbone, once for each state of its weights.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional model. It is not changed.

    Returns
    -------
    Backbone
        As :meth:`Backbone.from_model` makes it, with `model_copy`.
    """
    graph.check_graph(model)
    digest = _digest(model.get_weights())
    reference, copied_digest, backbone = _live_models.find(
        id(model), (lambda: None, None, None)
    )
    if reference() is model and copied_digest == digest:
        return backbone
    backbone = _copy(model)
    # The model may outlive the global variables of this module.
    model_id, discard = id(model), _live_models.discard
    reference = weakref.ref(model, lambda _: discard(model_id))
    _live_models.put(model_id, (reference, digest, backbone), backbone.nbytes)
    return backbone


def _copy(model):
    try:
        backbone, is_cut = Backbone.from_model(model), True
    except BackboneError:
        # Another feature layer may be possible.
        backbone, is_cut = Backbone.from_model(model, feature_layer="output"), False
    copy = graph.duplicate(model)
    # The backbone and the whole model share arrays.
    arrays = {_digest([array]): array for array in backbone.weights}
    weights = [arrays.get(_digest([array]), array) for array in copy.get_weights()]
    for array in weights:
        array.flags.writeable = False
    config = json.dumps(graph.serialize(copy))
    return backbone.replace(
        model_copy=ModelCopy(
            config,
            tuple(graph.custom_objects(copy).items()),
            tuple(weights),
            _digest(weights, config),
            is_cut,
        )
    )


def _digest(arrays, text=""):
    """Hash a text, and arrays by content, type and shape."""
    parts = [text.encode()]
    for array in arrays:
        content = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        parts.append(repr((array.dtype.str, array.shape)).encode())
        parts.append(xxh3_128_digest(content))
    return xxh3_128_digest(b"".join(parts))
