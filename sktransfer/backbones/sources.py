"""The parameter `backbone` as a source: its kind, what it accepts, how it is built.

A source is read from the parameter without data and without TensorFlow. Sources of
networks for tables are in :mod:`sktransfer.tables.sources`.
"""

import inspect
import os
import sys
from pathlib import Path
from typing import NamedTuple

from sktransfer._caches import BUILDING, Cache
from sktransfer._inputs.columns import TableColumns
from sktransfer._inputs.images import warn_of_scaled_pixels
from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone
from sktransfer.exceptions import BackboneError

_FILE_SUFFIXES = (".keras", ".h5", ".hdf5")
_backbones = Cache("backbones", 1 << 29)


class BuildOptions(NamedTuple):
    """Parameters of an estimator that change a backbone."""

    weights: object = "auto"
    feature_layer: str = "auto"
    preprocess: str | None = "auto"
    n_estimators: int | None = None


class Source:
    """Where a backbone comes from.

    Parameters
    ----------
    backbone : object
        The parameter of the estimator.

    Attributes
    ----------
    learns_in_context : bool
        Whether the network learns from labeled samples without gradient steps.
    accepts_tables : bool
        Whether it accepts missing values, and columns of strings and categories.
    accepts_images : bool
        Whether samples may have several axes.
    accepts_multilabel : bool
        Whether y may be an indicator matrix.
    uses_options : bool
        Whether `feature_layer` and `preprocess` change the network.
    is_chosen_by_fit : bool
        Whether a fit replaces it by another source that it chooses by the samples.
    """

    learns_in_context = False
    accepts_tables = False
    accepts_images = True
    accepts_multilabel = True
    uses_options = True
    is_chosen_by_fit = False

    def __init__(self, backbone):
        self.backbone = backbone

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        raise NotImplementedError

    def check(self):
        """Raise BackboneError if the parameter cannot be a backbone, before any data.

        Sources that need no other work for this check do it here.
        """

    def uses_n_estimators(self, weights):
        """Return whether the parameter `n_estimators` changes the network.

        Parameters
        ----------
        weights : str, path-like or None
            The parameter of the estimator.

        Returns
        -------
        bool
        """
        return False

    def training_defaults(self, n_samples):
        """Return parameters of training that differ from the defaults of others.

        Parameters
        ----------
        n_samples : int
            Number of training samples.

        Returns
        -------
        dict
            Value by name of the estimator's parameter.
        """
        return {}

    def table_columns(self, X, weights="auto"):
        """Return the conversion of the columns of a training set to numbers.

        Parameters
        ----------
        X : data frame or array-like
            Training set.
        weights : str, path-like or None, default="auto"
            The parameter of the estimator.

        Returns
        -------
        TableColumns
        """
        return TableColumns(X, accepts_tables=self.accepts_tables)

    def build(self, options, samples, rng, columns=None):
        """Build the backbone of a fit.

        Parameters
        ----------
        options : BuildOptions
            Parameters of the estimator.
        samples : Samples
            Training set.
        rng : numpy.random.Generator
            Source of random weights.
        columns : TableColumns or None, default=None
            Conversion of the columns of X to numbers.

        Returns
        -------
        Backbone

        Raises
        ------
        BackboneError
            When there is no such backbone, or an option does not fit it.
        """
        seed = int(rng.integers(2**31))
        with BUILDING:
            backbone = self._find(options, samples.X.shape[1:])
        scaling = _pixel_scaling(backbone, options)
        if scaling:
            warn_of_scaled_pixels(samples.X, scaling)
        if options.weights is None:
            return backbone.replace(
                weights=backbone.build_architecture(seed=seed).get_weights(),
                head=None,
                classes=None,
                pretrained=False,
            )
        return backbone

    def _find(self, options, input_shape):
        """Return the backbone from the cache; make it where it is not there."""
        backbone, weights = self.backbone, options.weights
        if isinstance(backbone, os.PathLike):
            backbone = os.fspath(backbone)
        if isinstance(weights, os.PathLike):
            weights = os.fspath(weights)
        states = _file_state(self._path), _file_state(weights)
        return _backbones.get(
            (backbone, options._replace(weights=weights), input_shape, *states),
            lambda: self._make(options, input_shape),
        )

    @property
    def _path(self):
        """File or folder that the network is read from, if there is one."""
        return self.backbone

    def _make(self, options, input_shape):
        raise NotImplementedError


class BackboneSource(Source):
    """A :class:`~sktransfer.Backbone`, for example of a fitted estimator."""

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        return isinstance(backbone, Backbone)

    def _find(self, options, input_shape):
        return _change(self.backbone, options)


class ModelSource(Source):
    """A live ``keras.Model``, which is copied."""

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        # A model exists only where Keras was imported.
        keras = sys.modules.get("keras")
        return keras is not None and isinstance(backbone, keras.Model)

    def check(self):
        """Raise BackboneError if the model cannot be a backbone; see the base class."""
        from sktransfer.backbones import graph

        graph.check_graph(self.backbone)

    def _find(self, options, input_shape):
        return _change(self.copy(), options)

    def copy(self):
        """Copy the model as a Backbone, once for the weights that it has.

        Returns
        -------
        Backbone
            It gives the same results as the model, whatever the other parameters are.
        """
        from sktransfer.backbones.model_copy import copy_model

        with BUILDING:
            return copy_model(self.backbone)


class FileSource(Source):
    """A ``.keras`` or ``.h5`` file with a whole model."""

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        if isinstance(backbone, os.PathLike):
            return True
        # A file or folder that is called as a network is does not hide the network.
        return isinstance(backbone, str) and (
            backbone.endswith(_FILE_SUFFIXES)
            or (_looks_like_path(backbone) and not HubSource.matches(backbone))
        )

    def check(self):
        """Raise an error if there is no such file; see the base class."""
        from sktransfer.backbones import files

        files.check_path(self.backbone)

    def _find(self, options, input_shape):
        # The shape of the samples does not change the model.
        return super()._find(options, None)

    def _make(self, options, input_shape):
        from sktransfer.backbones import files

        return _finish(files.read_model(self.backbone), options)


class HubSource(Source):
    """A keras-hub preset, as "hub:PRESET"."""

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        return isinstance(backbone, str) and backbone.startswith("hub:")

    @property
    def _path(self):
        return self.backbone.removeprefix("hub:")

    def _make(self, options, input_shape):
        from sktransfer.backbones import zoo

        preset = self.backbone.removeprefix("hub:")
        return _build_named(zoo.build_hub, preset, options, input_shape)


class ApplicationSource(Source):
    """The name of a ``keras.applications`` model."""

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind: any string."""
        return isinstance(backbone, str)

    def check(self):
        """Raise BackboneError if no network has this name; see the base class."""
        from sktransfer.backbones import zoo

        zoo.find_application(self.backbone)

    def _make(self, options, input_shape):
        from sktransfer.backbones import zoo

        if options.weights == "auto":
            options = options._replace(weights="imagenet")
        return _build_named(zoo.build_application, self.backbone, options, input_shape)


class CallableSource(Source):
    """A function that returns a ``keras.Model``."""

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        return callable(backbone)

    def _find(self, options, input_shape):
        # What it returns may depend on files and other things that change.
        backbone = _finish(_call(self.backbone, input_shape), options)
        key = backbone.fingerprint, backbone.program_key
        shared = _backbones.get(key, lambda: backbone)
        # Fits with equal weights share the arrays.
        return backbone.replace(weights=shared.weights, head=shared.head)


SOURCES = (
    BackboneSource,
    ModelSource,
    FileSource,
    HubSource,
    ApplicationSource,
    CallableSource,
)


def _pixel_scaling(backbone, options):
    """Name the parameter that scales pixels from 0 to 255; None if there is none."""
    from sktransfer.backbones import zoo

    if options.preprocess not in ("auto", None):
        return f"preprocess={options.preprocess!r}"
    names = [row["name"] for row in backbone.layers_table()]
    if any(name.endswith("pixel_scaling") for name in names):
        return f"backbone={backbone.name!r}"
    if backbone.name in zoo.application_names() and not zoo.application_preprocessing(
        backbone.name
    ):
        # The network scales the pixels itself.
        return f"backbone={backbone.name!r}"
    return None


def _change(backbone, options):
    """Return a backbone with other options."""
    whole, weights = options.feature_layer == "auto", options.weights
    model_copy = backbone.model_copy
    is_cut = model_copy is None or model_copy.is_cut
    if is_cut and whole and {weights, options.preprocess} <= {"auto", None}:
        return backbone

    def make():
        if model_copy is not None:
            return _finish(model_copy.build(), options)
        model = backbone.build_network(dtype=None)
        cut = options._replace(feature_layer="output") if whole else options
        changed = _finish(model, cut).replace(
            input_shape=backbone.input_shape, standardization=backbone.standardization
        )
        if weights == "auto":
            changed = changed.replace(pretrained=backbone.pretrained)
            if whole:
                changed = changed.replace(head=backbone.head, classes=backbone.classes)
        return changed

    digest = None if model_copy is None else model_copy.digest
    return _backbones.get((backbone, digest, options, _file_state(weights)), make)


def _looks_like_path(name):
    separators = {"/", os.sep, os.altsep} - {None}
    return bool(Path(name).suffix) or any(s in name for s in separators)


def _build_named(build, name, options, input_shape):
    """Build a model by its name, with the preprocessing that belongs to it."""
    own = options.preprocess in ("auto", None)
    model = build(
        name,
        weights=options.weights,
        input_shape=input_shape,
        preprocess=options.preprocess if own else None,
    )
    # The model has its weights by now, and its own preprocessing.
    left = options._replace(weights="auto")
    return _finish(model, left._replace(preprocess="auto") if own else left)


def _finish(model, options):
    """Load weights into a model, put preprocessing before it, and cut it."""
    from sktransfer.backbones import files, graph, zoo
    from sktransfer.backbones.channel_axis import with_channels_last
    from sktransfer.backbones.feature_cut import find_old_head

    weights, has_head = options.weights, True
    if weights not in ("auto", None):
        if weights == "imagenet":
            raise BackboneError(
                "weights='imagenet' goes with the name of a keras.applications model; "
                f"backbone={model.name!r} is not one. Accepted here: 'auto', None or "
                "the path of a weights file."
            )
        graph.check_graph(model)
        model = graph.duplicate(model)
        has_head = files.load_weights(
            model, weights, lambda: find_old_head(model, options.feature_layer)
        )
    if options.preprocess not in ("auto", None):
        preprocessing = zoo.application_preprocessing(options.preprocess)
        model = graph.prepend(with_channels_last(preprocessing, model), model)
    backbone = Backbone.from_model(
        model, feature_layer=options.feature_layer, pretrained=weights is not None
    )
    return backbone if has_head else backbone.replace(head=None)


def _call(function, input_shape):
    import keras

    takes_shape = "input_shape" in inspect.signature(function).parameters
    with preserve_random_state(seed=0):
        model = function(input_shape=input_shape) if takes_shape else function()
    if not isinstance(model, keras.Model):
        raise BackboneError(
            f"backbone={getattr(function, '__name__', function)!r} returned "
            f"{type(model).__name__}; it must return a keras.Model."
        )
    return model


def _file_state(path):
    """Return what changes when a file, or one in a folder, is written again."""
    if not isinstance(path, (str, os.PathLike)) or not os.path.exists(path):
        return None
    if os.path.isdir(path):
        files = sorted(file for file in Path(path).rglob("*") if file.is_file())
        return tuple((str(file), _file_state(file)) for file in files)
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size, status.st_ino
