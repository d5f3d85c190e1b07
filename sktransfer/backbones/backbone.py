"""Backbone: an architecture and its weights as one immutable value."""

import json

from sktransfer._inputs.samples import check_range, shape_rows
from sktransfer.backbones.fingerprints import architecture_fingerprint, fingerprint
from sktransfer.backbones.immutable import Immutable, read_only
from sktransfer.backbones.layers_table import LayersTable

_FORMAT = 5


class Backbone(Immutable):
    """A Keras network with its weights, cut at the layer that gives the features.

    A backbone is an immutable value. Two backbones with the same architecture and
    weights are equal and have the same hash. Any number of estimators may share one.
    It holds NumPy arrays and plain data, no live Keras object. Make one with
    :meth:`from_model` or :meth:`from_file`, or use the ``backbone_`` of a fitted
    estimator.

    Attributes
    ----------
    name : str
        Name of the Keras model.
    input_shape : tuple
        Shape of one sample; None where any size is accepted.
    n_features_out : int
        Number of features.
    n_layers : int
        Number of weighted layers, the greatest frozen depth.
    weights : tuple of ndarray
        Read-only arrays, in the order of Keras's ``model.get_weights()``.
    head : tuple of two ndarrays or None
        Kernel of shape (n_features_out, n_classes) and bias of shape (n_classes,) of
        the classification layer that was cut off; None if the model had no such layer.
    classes : ndarray of shape (n_classes,) or None
        Class labels of the head's columns; None if they are not known.
    pretrained : bool
        Whether the weights are the result of training.
    learns_in_context : bool
        Whether it is a network for tables that learns from labeled samples without
        gradient steps. The samples are not in it.
    model_copy : ModelCopy or None
        The whole model, if the backbone stands for the live model of an estimator. The
        parameters `feature_layer`, `weights` and `preprocess` then apply to that model.
    standardization : TableEncoding or None
        How columns become inputs of the network: mean and standard deviation of
        numbers, categories and missing values; only for "mlp" and "mlp_ensemble".
        None changes nothing.
    fingerprint : str
        SHA-256 of architecture and weights.
    architecture_fingerprint : str
        SHA-256 of the architecture alone.
    nbytes : int
        Memory that it takes, in bytes.

    Examples
    --------
    >>> import keras
    >>> from sktransfer import Backbone
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((64,)),
    ...         keras.layers.Dense(32, activation="relu"),
    ...         keras.layers.Dense(10, activation="softmax"),
    ...     ]
    ... )
    >>> backbone = Backbone.from_model(model)
    >>> backbone.input_shape, backbone.n_features_out, backbone.n_layers
    ((64,), 32, 1)
    >>> backbone == Backbone.from_model(model)
    True
    """

    __slots__ = (
        "_config",
        "_custom_objects",
        "_fingerprint",
        "_table",
        "architecture_fingerprint",
        "classes",
        "head",
        "input_shape",
        "learns_in_context",
        "model_copy",
        "n_features_out",
        "name",
        "pretrained",
        "standardization",
        "weights",
    )

    def __init__(self):
        raise TypeError(
            "Backbone has no public constructor; use Backbone.from_model(model) or "
            "Backbone.from_file(path)."
        )

    @classmethod
    def from_model(cls, model, *, feature_layer="auto", classes=None, pretrained=True):
        """Copy a live Keras model.

        Parameters
        ----------
        model : keras.Model
            Sequential or functional model with one input and one output. It may
            contain other models. It is not changed.
        feature_layer : str, default="auto"
            Layer whose output is the features. "auto" cuts before the classification
            layer, or at the output if there is none. "output" cuts at the output. A
            name cuts behind that layer. Feature maps are averaged over their
            positions.
        classes : array-like of shape (n_classes,) or None, default=None
            Labels of the classification layer's columns.
        pretrained : bool, default=True
            Whether the weights are the result of training.

        Returns
        -------
        Backbone

        Raises
        ------
        BackboneError
            When the model is subclassed, not built, quantized or has several inputs or
            outputs, when its weights are not finite, or when `feature_layer` is not one
            of its layers.
        """
        from sktransfer.backbones import graph
        from sktransfer.backbones.feature_cut import cut, sort_classes

        flat = graph.flat_copy(model)
        features, head = cut(flat, feature_layer)
        if classes is not None:
            classes, head = sort_classes(classes, head, model.name)
        return cls.from_flat_model(
            features, head=head, classes=classes, pretrained=pretrained
        )

    @classmethod
    def from_flat_model(cls, model, *, head=None, classes=None, pretrained=True):
        """Read a flat Keras model that ends in the features, without a copy of it.

        Parameters
        ----------
        model : keras.Model
            Functional model without nested models, with all layers trainable. Its
            output has shape (n, n_features_out).
        head, classes, pretrained
            Attributes of the backbone.

        Returns
        -------
        Backbone
        """
        from sktransfer.backbones import graph

        config = graph.serialize(model)
        return cls._new(
            _config=json.dumps(config),
            _custom_objects=tuple(graph.custom_objects(model).items()),
            name=model.name,
            input_shape=tuple(model.input_shape[1:]),
            n_features_out=model.output_shape[-1],
            _table=LayersTable.from_model(model),
            architecture_fingerprint=architecture_fingerprint(config),
            weights=model.get_weights(),
            head=head,
            classes=classes,
            pretrained=pretrained,
            learns_in_context=False,
            model_copy=None,
            standardization=None,
        )

    @classmethod
    def from_file(cls, path, *, feature_layer="auto", classes=None, safe_mode=True):
        """Read a whole model from a ``.keras`` or ``.h5`` file.

        Parameters
        ----------
        path : str or path-like
            The file.
        feature_layer, classes
            As in :meth:`from_model`.
        safe_mode : bool, default=True
            True refuses files that contain code (Lambda layers, classes that are not
            registered in this process). False runs that code: use it only for files
            that you trust.

        Returns
        -------
        Backbone

        Raises
        ------
        BackboneFileError
            When the file is missing, damaged or not a model file.
        UnsafeFileError
            When the file contains code and `safe_mode` is True.
        """
        from sktransfer.backbones.files import read_model

        model = read_model(path, safe_mode=safe_mode)
        return cls.from_model(model, feature_layer=feature_layer, classes=classes)

    @classmethod
    def _new(cls, **fields):
        """Make a backbone of the values of all slots but the fingerprint."""
        self = object.__new__(cls)
        fields["weights"] = tuple(map(read_only, fields["weights"]))
        if fields["head"] is not None:
            fields["head"] = tuple(map(read_only, fields["head"]))
        if fields["classes"] is not None:
            fields["classes"] = read_only(fields["classes"])
        for name, value in (fields | {"_fingerprint": None}).items():
            object.__setattr__(self, name, value)
        return self

    def replace(self, **changes):
        """Return a copy with other weights, head, classes or value of pretrained.

        Parameters
        ----------
        **changes
            New values of these attributes.

        Returns
        -------
        Backbone
            It has the same architecture.
        """
        fields = {name: getattr(self, name) for name in self.__slots__}
        return self._new(**(fields | {"model_copy": None} | changes))

    def without_weights(self):
        """Return the architecture alone, as a key of what depends on nothing else.

        Returns
        -------
        Backbone
        """
        return self.replace(weights=(), head=None, classes=None, standardization=None)

    def build(self, *, dtype="float32"):
        """Build the network as a live Keras model.

        Parameters
        ----------
        dtype : str, default="float32"
            Floating-point type of its layers.

        Returns
        -------
        keras.Model
            New functional model with these weights, from samples of shape
            (n, ...) to features of shape (n, n_features_out). Columns are standardized
            in it, if the backbone does so.
        """
        model = self.build_network(dtype=dtype)
        if self.standardization is None:
            return model
        return self.standardization.before(model, self.input_shape)

    def build_network(self, *, dtype="float32"):
        """Build the network without the standardization of columns.

        Parameters
        ----------
        dtype : str, default="float32"
            Floating-point type of its layers.

        Returns
        -------
        keras.Model
        """
        model = self.build_architecture(dtype=dtype)
        model.set_weights(self.weights)
        return model

    def prepare(self, X, dtype, name="X"):
        """Return samples as inputs of the network.

        Parameters
        ----------
        X : ndarray of shape (n, ...)
            Samples in the input shape of the backbone, or flattened.
        dtype : str
            Floating-point type of the computations.
        name : str, default="X"
            What the samples are called in an error message.

        Returns
        -------
        ndarray of shape (n, ...)

        Raises
        ------
        BackboneError
            If the samples have another shape.
        ValueError
            If a value is too large for the type.
        """
        if self.learns_in_context:
            return X
        X = shape_rows(X, self.input_shape, name)
        if self.standardization is not None:
            return self.standardization.transform(X.reshape(len(X), -1), dtype)
        check_range(X, dtype)
        return X

    def build_architecture(self, *, dtype=None, seed=0):
        """Build the network with fresh initial weights.

        Parameters
        ----------
        dtype : str or None, default=None
            Floating-point type of its layers; None keeps those of the model that the
            backbone was made from.
        seed : int, default=0
            Seed of the initial weights.

        Returns
        -------
        keras.Model
        """
        from sktransfer.backbones import graph

        return graph.deserialize(
            json.loads(self._config),
            custom_objects=dict(self._custom_objects),
            dtype=dtype,
            seed=seed,
        )

    def layers_table(self):
        """List the layers and the frozen depth that freezes each of them.

        Returns
        -------
        LayersTable
            One row for each layer: depth, name, kind, parameters, output shape. It
            prints as a table; ``to_pandas()`` returns a pandas DataFrame.
        """
        return self._table

    @property
    def n_layers(self):
        """Number of weighted layers, the greatest frozen depth."""
        return self._table.n_layers

    @property
    def nbytes(self):
        """Memory of weights, head and configuration, in bytes."""
        arrays = [*self.weights, *(self.head or ())]
        return sum(array.nbytes for array in arrays) + len(self._config)

    @property
    def fingerprint(self):
        """SHA-256 of architecture and weights."""
        if self._fingerprint is None:
            object.__setattr__(self, "_fingerprint", fingerprint(self))
        return self._fingerprint

    @property
    def program_key(self):
        """Key of compiled programs: the architecture and the classes of its layers."""
        return self.architecture_fingerprint, self._custom_objects

    def __eq__(self, other):
        if not isinstance(other, Backbone):
            return NotImplemented
        return self is other or (
            self.fingerprint == other.fingerprint
            and self.program_key == other.program_key
        )

    def __hash__(self):
        return hash(self.fingerprint)

    def __reduce__(self):
        state = {name: getattr(self, name) for name in self.__slots__}
        return _restore, (_FORMAT, state)

    def __repr__(self):
        return (
            f"Backbone({self.name!r}, input_shape={self.input_shape}, "
            f"n_layers={self.n_layers}, n_features_out={self.n_features_out})"
        )


def _restore(version, state):
    if version != _FORMAT:
        raise ValueError(
            f"This Backbone was pickled in format {version}; this version of "
            f"sktransfer reads format {_FORMAT}. Load it with the version of "
            "sktransfer that made it."
        )
    backbone = object.__new__(Backbone)
    for name, value in state.items():
        if name in ("weights", "head") and value is not None:
            # No copies: arrays that objects share in a pickle stay shared.
            for array in value:
                array.flags.writeable = False
        object.__setattr__(backbone, name, value)
    return backbone
