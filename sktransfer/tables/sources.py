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

    def build(self, options, samples, rng, columns=None):
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
    """A network without pretrained weights, for the columns of a table."""

    accepts_tables = True
    uses_options = False

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        return isinstance(backbone, str) and backbone == "mlp"

    def build(self, options, samples, rng, columns=None):
        """Return a network with fresh weights; see the base class."""
        from sktransfer.tables.by_steps import make_mlp

        if options.weights not in ("auto", None):
            raise BackboneError(
                f"weights={options.weights!r} does not go with backbone='mlp', whose "
                "width follows the data; pass a fitted estimator's backbone_."
            )
        rng.integers(2**31)
        return make_mlp(samples.X, samples.index, samples.sample_weight, rng, columns)

    @staticmethod
    def training_defaults(n_samples):
        """Return the parameters of training that suit the network.

        They were chosen by the tables for choosing of the benchmark.

        Parameters
        ----------
        n_samples : int
            Number of training samples.

        Returns
        -------
        dict
            Values by the names of parameters of TransferClassifier and of Recipe.
        """
        # A power of two that gives 8 to 16 batches, or more with many samples.
        batch_size = 1 << max(n_samples // 8, 1).bit_length() - 1
        return {
            "learning_rate": 2e-3,
            "batch_size": min(max(batch_size, 16), 256),
            # The time does not grow above 20,000 samples, but for 5 epochs.
            "epochs": min(max(300_000 // n_samples, 5), 15),
            "early_stopping": False,
            "weight_decay": 1e-2,
            "label_smoothing": 0.0,
            "schedule": "cosine",
            "warm_up": 0.1,
        }


def _check_is_table(X):
    """Raise BackboneError if samples have more than one axis."""
    if X.ndim > 2:
        raise BackboneError(
            f"X has samples of shape {X.shape[1:]}; backbone='tabular' is a network "
            "for tables and expects X of shape (n_samples, n_columns). For images, use "
            "a network for images, such as backbone='MobileNetV2'. If the values are "
            "the columns of a table, use X.reshape(len(X), -1)."
        )
