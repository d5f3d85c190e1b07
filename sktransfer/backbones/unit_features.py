"""Scale features to vectors of the same length."""

import keras

from sktransfer._caches import cached
from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone


def scale_to_unit(backbone, length):
    """Add a layer behind a backbone that scales each feature vector to one length.

    Parameters
    ----------
    backbone : Backbone
        Its weights do not affect the new architecture.
    length : float
        Euclidean length of the scaled features.

    Returns
    -------
    Backbone
        It has the same weighted layers and no head. `backbone` itself when it ends in
        this layer already.
    """
    architecture = backbone.without_weights()
    scaled = _scaled(architecture, length)
    if scaled == architecture:
        return backbone
    return scaled.replace(
        weights=backbone.weights,
        pretrained=backbone.pretrained,
        input_shape=backbone.input_shape,
        standardization=backbone.standardization,
    )


@cached("backbones with scaled features", 1 << 24)
def _scaled(backbone, length):
    with preserve_random_state():
        model = backbone.build_architecture()
        *_, before, last = model.operations
        if (
            isinstance(before, keras.layers.UnitNormalization)
            and isinstance(last, keras.layers.Rescaling)
            and (last.scale, last.offset) == (length, 0.0)
        ):
            return backbone
        inputs = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype)
        x = keras.layers.UnitNormalization(name="unit_features")(model(inputs))
        x = keras.layers.Rescaling(length, name="scaled_features")(x)
        outer = keras.Model(inputs, x, name=backbone.name)
        return Backbone.from_model(outer, feature_layer="output").replace(weights=())
