"""Features of one length."""

import functools

import keras

from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone


def scale_to_unit(backbone, length):
    """Put a division by the length of the features behind a backbone.

    Parameters
    ----------
    backbone : Backbone
        Its architecture alone decides on the new one's.
    length : float
        Euclidean length that the features get.

    Returns
    -------
    Backbone
        Of the same weighted layers, without a head; `backbone` itself where it ends
        in such a division.
    """
    scaled = _scaled(backbone.replace(weights=(), head=None, classes=None), length)
    if scaled is None:
        return backbone
    return scaled.replace(weights=backbone.weights, pretrained=backbone.pretrained)


@functools.lru_cache(maxsize=64)
def _scaled(backbone, length):
    with preserve_random_state():
        model = backbone.build_architecture()
        *_, before, last = model.operations
        if (
            isinstance(before, keras.layers.UnitNormalization)
            and isinstance(last, keras.layers.Rescaling)
            and (last.scale, last.offset) == (length, 0.0)
        ):
            return None
        inputs = keras.Input(backbone.input_shape, dtype=model.inputs[0].dtype)
        x = keras.layers.UnitNormalization(name="unit_features")(model(inputs))
        x = keras.layers.Rescaling(length, name="scaled_features")(x)
        outer = keras.Model(inputs, x, name=backbone.name)
        scaled = Backbone.from_model(outer, feature_layer="output")
        return scaled.replace(weights=())
