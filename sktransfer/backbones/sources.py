"""The parameter `backbone` as a source: its kind, what it accepts, how it is built.

A source is read from the parameter without data and without TensorFlow. Sources of
networks for tables are in :mod:`sktransfer.tables.sources`.
"""

import inspect
import os
import sys
import weakref
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sktransfer._caches import BUILDING, Cache
from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone
from sktransfer.exceptions import BackboneError

_FILE_SUFFIXES = (".keras", ".h5", ".hdf5")
_backbones = Cache("backbones", 1 << 29)
_live_models = Cache("copies of live models", 1 << 28)


class BuildOptions(NamedTuple):
    """Parameters of an estimator that change a backbone."""

    weights: object = "auto"
    feature_layer: str = "auto"
    preprocess: str | None = "auto"


# Options that leave a Backbone as it is.
_UNCHANGED = (
    BuildOptions(),
    BuildOptions(preprocess=None),
    BuildOptions(weights=None),
)


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
    accepts_multilabel : bool
        Whether y may be an indicator matrix.
    uses_options : bool
        Whether `feature_layer` and `preprocess` change the network.
    """

    learns_in_context = False
    accepts_tables = False
    accepts_multilabel = True
    uses_options = True

    def __init__(self, backbone):
        self.backbone = backbone

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        raise NotImplementedError

    def build(self, options, samples, rng):
        """Build the backbone of a fit.

        Parameters
        ----------
        options : BuildOptions
            Parameters of the estimator.
        samples : Samples
            Training set.
        rng : numpy.random.Generator
            Source of random weights.

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
            backbone = self._build(options, samples.X.shape[1:])
        if options.weights is None:
            return backbone.replace(
                weights=backbone.build_architecture(seed=seed).get_weights(),
                head=None,
                classes=None,
                pretrained=False,
            )
        return backbone

    def _build(self, options, input_shape):
        raise NotImplementedError


class BackboneSource(Source):
    """A :class:`~sktransfer.Backbone`, for example of a fitted estimator."""

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        return isinstance(backbone, Backbone)

    def _build(self, options, input_shape):
        if options in _UNCHANGED:
            return self.backbone
        whole = options.feature_layer == "auto"
        model = self.backbone.build_network(dtype=None)
        cut = options._replace(feature_layer="output") if whole else options
        backbone = _finish(model, cut).replace(
            input_shape=self.backbone.input_shape,
            standardization=self.backbone.standardization,
        )
        if options.weights == "auto":
            backbone = backbone.replace(pretrained=self.backbone.pretrained)
            if whole:
                backbone = backbone.replace(
                    head=self.backbone.head, classes=self.backbone.classes
                )
        return backbone


class ModelSource(Source):
    """A live ``keras.Model``, which is copied."""

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        # A model exists only where Keras was imported.
        keras = sys.modules.get("keras")
        return keras is not None and isinstance(backbone, keras.Model)

    def _build(self, options, input_shape):
        from sktransfer.backbones import graph

        model = self.backbone
        graph.check_graph(model)
        weights = [np.array(array) for array in model.get_weights()]
        options_key = options, _file_state(options.weights)
        reference, key, old_weights, backbone = _live_models.find(
            id(model), (lambda: None, None, None, None)
        )
        if (
            reference() is model
            and key == options_key
            and all(map(np.array_equal, old_weights, weights))
        ):
            return backbone
        backbone = _finish(model, options)
        model_id = id(model)
        reference = weakref.ref(model, lambda _: _live_models.discard(model_id))
        nbytes = backbone.nbytes + sum(array.nbytes for array in weights)
        _live_models.put(model_id, (reference, options_key, weights, backbone), nbytes)
        return backbone


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

    def _build(self, options, input_shape):
        from sktransfer.backbones import files

        def build():
            path = self.backbone
            if files.is_weights_only(path):
                name = os.fspath(path)
                raise BackboneError(
                    f"backbone={name!r} holds weights and no architecture. Give the "
                    "architecture as `backbone` (a name, a callable or a keras.Model) "
                    f"and the file as `weights={name!r}`."
                )
            return _finish(files.read_model(path), options)

        return _cached(self.backbone, options, None, build, self.backbone)


class HubSource(Source):
    """A keras-hub preset, as "hub:PRESET"."""

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        return isinstance(backbone, str) and backbone.startswith("hub:")

    def _build(self, options, input_shape):
        from sktransfer.backbones import zoo

        preset = self.backbone.removeprefix("hub:")
        return _cached(
            self.backbone,
            options,
            input_shape,
            lambda: _build_named(
                zoo.build_hub, preset, options, input_shape, options.weights
            ),
            preset,
        )


class ApplicationSource(Source):
    """The name of a ``keras.applications`` model."""

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind: any string."""
        return isinstance(backbone, str)

    def _build(self, options, input_shape):
        from sktransfer.backbones import zoo

        weights = "imagenet" if options.weights == "auto" else options.weights
        return _cached(
            self.backbone,
            options,
            input_shape,
            lambda: _build_named(
                zoo.build_application, self.backbone, options, input_shape, weights
            ),
        )


class CallableSource(Source):
    """A function that returns a ``keras.Model``."""

    @classmethod
    def matches(cls, backbone):
        """Return whether the parameter is of this kind."""
        return callable(backbone)

    def _build(self, options, input_shape):
        # What it returns may depend on files and other things that change.
        backbone = _finish(_call(self.backbone, input_shape), options)
        shared = _backbones.get(
            (backbone.fingerprint, backbone.program_key),
            lambda: backbone,
            lambda built: built.nbytes,
        )
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


def _looks_like_path(name):
    separators = {"/", os.sep, os.altsep} - {None}
    return bool(Path(name).suffix) or any(s in name for s in separators)


def _build_named(build, name, options, input_shape, weights):
    """Build a model by its name, with the preprocessing that belongs to it."""
    own = options.preprocess in ("auto", None)
    model = build(
        name,
        weights=weights,
        input_shape=input_shape,
        preprocess=options.preprocess if own else None,
    )
    # The model has its weights by now, and its own preprocessing.
    left = options._replace(weights="auto")
    return _finish(model, left._replace(preprocess="auto") if own else left)


def _finish(model, options):
    """Load weights into a model, put preprocessing before it, and cut it."""
    from sktransfer.backbones import files, graph, zoo

    weights = options.weights
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
    if options.preprocess not in ("auto", None):
        preprocessing = zoo.application_preprocessing(options.preprocess)
        model = graph.prepend(preprocessing, model)
    return Backbone.from_model(
        model, feature_layer=options.feature_layer, pretrained=weights is not None
    )


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


def _cached(backbone, options, input_shape, build, path=None):
    """Build a backbone once for all fits in which its files are the same."""
    if isinstance(backbone, os.PathLike):
        backbone = os.fspath(backbone)
    if isinstance(options.weights, os.PathLike):
        options = options._replace(weights=os.fspath(options.weights))
    states = _file_state(path), _file_state(options.weights)
    key = (backbone, options, input_shape, *states)
    return _backbones.get(key, build, lambda built: built.nbytes)
