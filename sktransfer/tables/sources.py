"""Sources of networks for tables."""

import numpy as np

from sktransfer._inputs.encoding import TableEncoding
from sktransfer._warnings import warn_user
from sktransfer.backbones.backbone import Backbone
from sktransfer.backbones.sources import BackboneSource, BuildOptions, Source
from sktransfer.exceptions import BackboneError

# Epochs of fine-tuning, and gradient steps in each of them.
_TUNING_EPOCHS, _TUNING_STEPS = 5, 4


class AutoSource(Source):
    """One of the networks for tables, which a fit chooses by its samples.

    A fit builds the one that it chose, and not this source.
    """

    accepts_tables = True
    accepts_images = False
    is_chosen_by_fit = True

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        return isinstance(backbone, str) and backbone == "auto"


class InContextSource(Source):
    """The pretrained network for tables, or a Backbone with other weights of it.

    Parameters
    ----------
    backbone : object
        The parameter of the estimator.
    warns_of_size : bool, default=True
        Whether a table that is too large for the network is warned of.
    """

    learns_in_context = True
    accepts_tables = True
    accepts_images = accepts_multilabel = False

    def __init__(self, backbone, *, warns_of_size=True):
        super().__init__(backbone)
        self._warns_of_size = warns_of_size

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        if isinstance(backbone, Backbone):
            return backbone.learns_in_context
        return isinstance(backbone, str) and backbone == "tabular"

    def uses_n_estimators(self, weights):
        """Return whether the parameter changes the network; see the base class."""
        return True

    def training_defaults(self, n_samples):
        """Return parameters of fine-tuning; see the base class."""
        return {
            "learning_rate": 1e-4,
            "epochs": _TUNING_EPOCHS,
            "batch_size": -(-n_samples // _TUNING_STEPS),
        }

    def build(self, options, samples, rng, columns=None):
        """Return the network, which has no samples in it; see the base class."""
        from sktransfer.tables.in_context.context import network_backbone

        check_is_table(samples.X, "tabular")
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
        if self._warns_of_size:
            _warn_of_size(samples)
        seed = int(rng.integers(2**31))
        if isinstance(self.backbone, Backbone) and options.weights == "auto":
            return self.backbone
        return network_backbone(options.weights, seed)


def _warn_of_size(samples):
    """Warn if a table has more samples, columns or classes than the network can use."""
    from sktransfer.tables.in_context.context import MAX_ROWS, MAX_TABLE_COLUMNS
    from sktransfer.tables.in_context.network import MAX_CLASSES

    sizes = (
        (len(samples), MAX_ROWS, "samples in each of its views"),
        (np.prod(samples.X.shape[1:]), MAX_TABLE_COLUMNS, "columns"),
        (len(np.unique(samples.y)), MAX_CLASSES, "classes at a time"),
    )
    limits = [f"{limit} {what}; there are {n}" for n, limit, what in sizes if n > limit]
    if limits:
        warn_user(
            f"backbone='tabular' uses at most {'; at most '.join(limits)}. "
            "backbone='mlp_ensemble' uses all of them, and may predict better."
        )


class MLPSource(Source):
    """A network with two hidden layers, without pretrained weights."""

    name = "mlp"
    has_rare_categories = False
    accepts_tables = True
    uses_options = False

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        return isinstance(backbone, str) and backbone == cls.name

    def build(self, options, samples, rng, columns=None):
        """Return a network with fresh weights; see the base class."""
        if options.weights not in ("auto", None):
            raise BackboneError(
                f"weights={options.weights!r} does not go with backbone={self.name!r}, "
                "whose layers follow the data; pass a fitted estimator's backbone_."
            )
        rng.integers(2**31)
        input_shape = samples.X.shape[1:]
        samples = samples.replace(X=samples.X.reshape(len(samples.X), -1))
        encoding = TableEncoding.fit(
            *(samples.X, samples.index, samples.sample_weight, columns),
            has_rare=self.has_rare_categories,
        )
        return self._make(encoding, samples, rng, options).replace(
            head=None,
            classes=None,
            input_shape=input_shape,
            standardization=encoding,
        )

    def _make(self, encoding, samples, rng, options):
        """Return a network with fresh weights for the inputs of an encoding."""
        from sktransfer.tables.mlp import make_mlp

        return make_mlp(encoding, rng)


class MLPEnsembleSource(MLPSource):
    """An ensemble of small networks, without pretrained weights."""

    name = "mlp_ensemble"
    has_rare_categories = True

    def uses_n_estimators(self, weights):
        """Return whether the parameter changes the network; see the base class."""
        return True

    def training_defaults(self, n_samples):
        """Return the parameters of training that suit it; see the base class.

        They were chosen by the tables for choosing of the benchmark.
        """
        # A power of two that gives 8 to 16 batches, or more with many samples.
        batch_size = 1 << max(n_samples // 8, 1).bit_length() - 1
        return {
            "learning_rate": 2e-3,
            "batch_size": min(max(batch_size, 16), 256),
            # The time does not grow above 20,000 samples, but for 5 epochs.
            "epochs": min(max(300_000 // n_samples, 5), 15),
            "weight_decay": 1e-2,
            "schedule": "cosine",
            "warm_up": 0.1,
        }

    def _make(self, encoding, samples, rng, options):
        from sktransfer.tables.mlp_ensemble import make_ensemble

        return make_ensemble(encoding, samples, rng, options.n_estimators)


class TrainedMLPSource(BackboneSource):
    """A Backbone of one of the two, for another table with the same columns."""

    accepts_tables = True

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        return isinstance(backbone, Backbone) and backbone.standardization is not None

    def build(self, options, samples, rng, columns=None):
        """Return the network; see the base class.

        ``weights=None`` makes a new network of the same kind for the samples.
        """
        if options.weights is not None:
            return super().build(options, samples, rng, columns)
        if samples.sample_weight is None:
            samples = samples.replace(sample_weight=np.ones(len(samples)))
        n_estimators = options.n_estimators
        if n_estimators is None and self._kind.uses_n_estimators(None):
            from sktransfer.tables.mlp_ensemble import count_members

            n_estimators = count_members(self.backbone)
        own = BuildOptions(None, n_estimators=n_estimators)
        fresh = self._kind.build(own, samples, rng, columns)
        options = options._replace(weights="auto", n_estimators=None)
        if options == BuildOptions():
            return fresh
        return BackboneSource(fresh).build(options, samples, rng)

    def table_columns(self, X, weights="auto"):
        """Return the conversion in the fit of the backbone; see the base class.

        The positions of the categories are those that the network was trained with. A
        new network has its own.
        """
        columns = self.backbone.standardization.columns
        if columns is None or weights is None:
            return super().table_columns(X, weights)
        columns.check_names(X)
        return columns

    def training_defaults(self, n_samples):
        """Return the parameters of training that suit it; see the base class."""
        return self._kind.training_defaults(n_samples)

    def uses_n_estimators(self, weights):
        """Return whether the parameter changes the network; see the base class."""
        return weights is None and self._kind.uses_n_estimators(None)

    @property
    def _kind(self):
        name = self.backbone.name
        kind = MLPEnsembleSource if name == MLPEnsembleSource.name else MLPSource
        return kind(name)


def check_is_table(X, backbone):
    """Raise BackboneError if samples have more than one axis.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        Samples.
    backbone : str
        Name of the network, for the message.
    """
    if X.ndim > 2:
        raise BackboneError(
            f"X has samples of shape {X.shape[1:]}; backbone={backbone!r} is for "
            "tables, X of shape (n_samples, n_columns). For images and sequences, "
            "name another network, such as backbone='MobileNetV2', or pass a "
            "keras.Model. If the values are the columns of a table, use "
            "X.reshape(len(X), -1)."
        )
