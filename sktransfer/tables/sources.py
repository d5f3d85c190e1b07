"""Sources of networks for tables."""

from sktransfer.backbones.backbone import Backbone
from sktransfer.backbones.sources import Source
from sktransfer.exceptions import BackboneError


class InContextSource(Source):
    """The pretrained network for tables, or a Backbone with other weights of it."""

    learns_in_context = True
    accepts_tables = True
    accepts_multilabel = False

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        if isinstance(backbone, Backbone):
            return backbone.learns_in_context
        return isinstance(backbone, str) and backbone == "tabular"

    def build(self, options, samples, rng):
        """Return the network, which has no samples in it; see the base class."""
        from sktransfer.tables.in_context.context import network_backbone

        _check_is_table(samples.X)
        for name in ("feature_layer", "preprocess"):
            value = getattr(options, name)
            if value not in ("auto", None):
                raise BackboneError(
                    f"{name}={value!r} does not go with backbone='tabular'; expected "
                    "'auto'."
                )
        if options.weights == "imagenet":
            raise BackboneError(
                "weights='imagenet' does not go with backbone='tabular'; expected "
                "'auto', None or the path of a weights file."
            )
        seed = int(rng.integers(2**31))
        if isinstance(self.backbone, Backbone) and options.weights == "auto":
            return self.backbone
        return network_backbone(options.weights, seed)


class MLPSource(Source):
    """A network without pretrained weights, whose width follows the columns."""

    uses_options = False

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        return isinstance(backbone, str) and backbone == "mlp"

    def build(self, options, samples, rng):
        """Return a network with fresh weights; see the base class."""
        from sktransfer.tables.by_steps import make_mlp

        if options.weights not in ("auto", None):
            raise BackboneError(
                f"weights={options.weights!r} does not go with backbone='mlp', whose "
                "width follows the data; pass a fitted estimator's backbone_."
            )
        rng.integers(2**31)
        return make_mlp(samples.X, samples.index, samples.sample_weight, rng)


def _check_is_table(X):
    """Raise BackboneError if samples have more than one axis."""
    if X.ndim > 2:
        raise BackboneError(
            f"X has samples of shape {X.shape[1:]}; backbone='tabular' is a network "
            "for tables and expects X of shape (n_samples, n_columns). For images, use "
            "a network for images, such as backbone='MobileNetV2'. If the values are "
            "the columns of a table, use X.reshape(len(X), -1)."
        )
