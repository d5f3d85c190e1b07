"""BackboneFeatures: the frozen features of a backbone as a transformer."""

import copy
import os

import numpy as np
from joblib import Memory
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sktransfer._inputs.samples import check_rows
from sktransfer._large_arrays import stack
from sktransfer._live_models import LiveModelMixin
from sktransfer._random import make_rng
from sktransfer._suggestions import suggest_keywords
from sktransfer._threads import limit_worker_threads
from sktransfer.backbones.sources import BuildOptions
from sktransfer.learners.choose import read_source
from sktransfer.tables.sources import AutoSource, MLPSource
from sktransfer.training.store.feature_folder import memory_folder
from sktransfer.training.store.samples import Samples


class BackboneFeatures(
    LiveModelMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Transformer that computes the features of a pretrained Keras network.

    Nothing is trained. `fit` only loads the backbone.

    Parameters
    ----------
    backbone : str, path-like, callable, keras.Model or Backbone
        Network, as in :class:`TransferClassifier`: the name of a ``keras.applications``
        model, "hub:PRESET", a path, a function, a ``keras.Model`` or a Backbone. "mlp"
        and "mlp_ensemble" are not supported as they are not pretrained, "tabular" as
        its features depend on labels, and "auto" as it is one of these.
    weights : str, path-like or None, default="auto"
        Weights of the network. "auto" uses those that come with the backbone
        ("imagenet" for an application). None draws random weights. "imagenet" or the
        path of a weights file loads those weights.
    feature_layer : str, default="auto"
        Layer whose output is the features. "auto" cuts the backbone before its old
        classification layer. "output" uses the output of the backbone. Otherwise the
        name of a layer. Feature maps are averaged over their positions.
    preprocess : str or None, default="auto"
        Preprocessing before the backbone. "auto" scales pixels (0 to 255) if the
        backbone is the name of an application, and changes nothing otherwise. None
        changes nothing. The name of an application uses its preprocessing.
    memory : str, path-like, joblib.Memory or None, default=None
        Folder that keeps the features for other processes and later runs. None keeps
        them in the memory of this process only; see :ref:`feature_store`.
    dtype : {"float32", "float64"}, default="float32"
        Floating-point type of the computations and of the features.
    random_state : int, RandomState instance or None, default=None
        Seed of the weights with ``weights=None``.

    Attributes
    ----------
    backbone_ : Backbone
        The network.
    n_features_in_ : int
        Length of the second axis of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Column names, if X has them.

    See Also
    --------
    TransferClassifier : Also fine-tunes the network.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sktransfer import BackboneFeatures, TransferClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> source = TransferClassifier("mlp", epochs=10, random_state=0).fit(
    ...     X[:900], y[:900]
    ... )
    >>> probe = make_pipeline(BackboneFeatures(source.backbone_), LogisticRegression())
    >>> probe.fit(X[900:1000], y[900:1000]).score(X[1000:], y[1000:]) > 0.8
    True
    """

    _parameter_constraints = {
        "backbone": "no_validation",
        "weights": [str, os.PathLike, None],
        "feature_layer": [str],
        "preprocess": [str, None],
        "memory": [str, os.PathLike, Memory, None],
        "dtype": [StrOptions({"float32", "float64"})],
        "random_state": ["random_state"],
    }

    @suggest_keywords
    def __init__(
        self,
        backbone,
        *,
        weights="auto",
        feature_layer="auto",
        preprocess="auto",
        memory=None,
        dtype="float32",
        random_state=None,
    ):
        self.backbone = backbone
        self.weights = weights
        self.feature_layer = feature_layer
        self.preprocess = preprocess
        self.memory = memory
        self.dtype = dtype
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [self.dtype]
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Load the backbone and check that it accepts X.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples in the shape that the backbone expects, or flattened.
        y : None
            Ignored.

        Returns
        -------
        self : BackboneFeatures
        """
        limit_worker_threads()
        source = read_source(self.backbone)
        source.check()
        if source.learns_in_context or isinstance(source, (AutoSource, MLPSource)):
            raise ValueError(
                f"backbone={self.backbone!r} has no pretrained features of a sample: "
                "those of 'tabular' depend on labels, 'mlp' and 'mlp_ensemble' are not "
                "pretrained, and "
                "'auto' is one of these. Use "
                "TransferClassifier, or pass the backbone_ of an estimator that was "
                "trained by gradient steps."
            )
        fitted = copy.copy(self)
        columns = source.table_columns(X, self.weights)
        X = check_rows(fitted, X, reset=True, columns=columns)
        rng = make_rng(self.random_state)
        options = BuildOptions(self.weights, self.feature_layer, self.preprocess)
        samples = Samples(X, np.arange(len(X)), None, None)
        backbone = source.build(options, samples, rng, columns)
        backbone.prepare(X[:1], self.dtype)
        fitted.backbone_, fitted._columns = backbone, columns  # noqa: SLF001
        fitted._n_features_out = backbone.n_features_out  # noqa: SLF001
        # All attributes at once, and none if the fit fails.
        self.__dict__ = vars(fitted)
        return self

    def transform(self, X):
        """Compute the features of samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples in the shape that the backbone expects, or flattened.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), `dtype`
        """
        check_is_fitted(self)
        X = check_rows(self, X, reset=False, columns=self._columns)
        X = self.backbone_.prepare(X, self.dtype)
        from sktransfer.training.step.program_cache import get_program
        from sktransfer.training.store.samples import FrozenOutputs

        backbone = self.backbone_
        program = get_program(backbone, backbone.n_layers, 1, self.dtype)
        with program.hold():
            program.load(backbone.weights, None)
            parts = FrozenOutputs(
                program, X, part="features", folder=memory_folder(self.memory)
            ).in_parts()
            return stack(parts, len(X))[0]
