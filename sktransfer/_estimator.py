"""Base class of the estimators: parameters, tags, predictions and display."""

import numbers
import os

import numpy as np
from joblib import Memory
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.metrics import get_scorer_names
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sktransfer._auto_backbone import AutoBackboneMixin
from sktransfer._fitting import FittingMixin
from sktransfer._inputs.domains import as_labels
from sktransfer._inputs.samples import check_rows
from sktransfer._inputs.unlabeled import is_unlabeled, label_array
from sktransfer._live_models import LiveModelMixin
from sktransfer._random import preserve_random_state
from sktransfer._suggestions import SuggestingMixin, suggest_keywords
from sktransfer.averaging import Interpolation
from sktransfer.learners.choose import read_source
from sktransfer.recipe import ORDERS, Recipe
from sktransfer.training.store.feature_folder import memory_folder

# Format of pickles of fitted estimators. It changes with their private attributes.
_FORMAT = 1


class BaseTransferClassifier(
    SuggestingMixin,
    LiveModelMixin,
    FittingMixin,
    AutoBackboneMixin,
    Interpolation,
    CallbackSupportMixin,
    ClassifierMixin,
    BaseEstimator,
):
    """Base class of the estimators with a backbone and a head."""

    # Samples that predict has no need to check: none of those that a user passes.
    _checked_X = object()

    _parameter_constraints = {
        "backbone": "no_validation",
        "weights": [str, os.PathLike, None],
        "feature_layer": [str],
        "head": [StrOptions({"new", "keep"})],
        "preprocess": [str, None],
        "frozen_depth": "no_validation",
        "recipe": [StrOptions(set(ORDERS)), Recipe],
        "n_estimators": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "softmax_temperature": [
            Interval(numbers.Real, 1e-3, 1e3, closed="both"),
            None,
        ],
        "learning_rate": "no_validation",
        "head_learning_rate": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "layer_decay": [Interval(numbers.Real, 0, 1, closed="right"), None],
        "optimizer": "no_validation",
        "weight_decay": [Interval(numbers.Real, 0, None, closed="left"), None],
        "l2_sp": [Interval(numbers.Real, 0, None, closed="left"), None],
        "label_smoothing": [Interval(numbers.Real, 0, 1, closed="left"), None],
        "batch_size": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "epochs": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "early_stopping": ["boolean", None],
        "scoring": [StrOptions({"loss", *get_scorer_names()}), callable, None],
        "validation_fraction": [Interval(numbers.Real, 0, 1, closed="neither"), None],
        "n_iter_no_change": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "tol": [Interval(numbers.Real, 0, None, closed="left"), None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "warm_start": ["boolean"],
        "callbacks": "no_validation",
        "memory": [str, os.PathLike, Memory, None],
        "dtype": [StrOptions({"float32", "float64"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @suggest_keywords
    def __init__(  # noqa: PLR0913
        self,
        backbone="auto",
        *,
        weights="auto",
        feature_layer="auto",
        head="new",
        preprocess="auto",
        frozen_depth=None,
        recipe="auto",
        n_estimators=None,
        softmax_temperature=None,
        learning_rate=None,
        head_learning_rate=None,
        layer_decay=None,
        optimizer=None,
        weight_decay=None,
        l2_sp=None,
        label_smoothing=None,
        batch_size=None,
        epochs=None,
        early_stopping=None,
        scoring="loss",
        validation_fraction=None,
        n_iter_no_change=None,
        tol=None,
        class_weight=None,
        warm_start=False,
        callbacks=None,
        memory=None,
        dtype="float32",
        random_state=None,
        verbose=0,
    ):
        self.backbone = backbone
        self.weights = weights
        self.feature_layer = feature_layer
        self.head = head
        self.preprocess = preprocess
        self.frozen_depth = frozen_depth
        self.recipe = recipe
        self.n_estimators = n_estimators
        self.softmax_temperature = softmax_temperature
        self.learning_rate = learning_rate
        self.head_learning_rate = head_learning_rate
        self.layer_decay = layer_decay
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.l2_sp = l2_sp
        self.label_smoothing = label_smoothing
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.memory = memory
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def __getstate__(self):
        return super().__getstate__() | {"_format": _FORMAT}

    def __setstate__(self, state):
        state = dict(state)
        version = state.pop("_format", None)
        if "backbone_" in state and version != _FORMAT:
            raise ValueError(
                f"This {type(self).__name__} was fitted and pickled in format "
                f"{version}; this version of sktransfer reads format {_FORMAT}. Load "
                "it with the version of sktransfer that made it, or fit it again."
            )
        super().__setstate__(state)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "backbone_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        try:
            source = read_source(self.backbone)
        except TypeError:
            return tags
        tags.input_tags.three_d_array = source.accepts_images
        tags.classifier_tags.multi_label = (
            self._supports_multilabel and source.accepts_multilabel
        )
        if source.accepts_tables:
            tags.input_tags.allow_nan = True
            tags.input_tags.categorical = tags.input_tags.string = True
        return tags

    @property
    def weights_(self):
        """Trained weights: of the backbone, then kernel and bias of the head."""
        if not hasattr(self, "backbone_"):
            raise AttributeError("weights_ does not exist before fit; call fit.")
        return [*self.backbone_.weights, *self.backbone_.head]

    # ---- prediction

    def decision_function(self, X):
        """Compute the logits of samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes), float64
            For two classes, the logit of ``classes_[1]`` minus that of ``classes_[0]``.
        """
        return self._predict(X, "decision_function")

    def predict_proba(self, X):
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Probabilities in the order of ``classes_``; those of a sample sum to 1. If
            y of `fit` was an indicator matrix, the probability of each label.
        """
        return self._predict(X, "predict_proba")

    def predict(self, X):
        """Predict the labels of samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or an indicator matrix if y of `fit` was one.
        """
        return self._predict(X, "predict")

    def score(self, X, y, sample_weight=None):
        """Compute the accuracy on labeled samples.

        Samples without a label are left out: those with None or NaN, or with -1 if
        classes are numbers and -1 is not one of them.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the samples.

        Returns
        -------
        float
            Fraction of the samples that are predicted right. For an indicator matrix,
            all labels of a sample must be right.
        """
        check_is_fitted(self)
        if np.ndim(y) == 1:
            unlabeled = is_unlabeled(y, self.classes_)
            if unlabeled.any():
                labeled = np.flatnonzero(~unlabeled)
                if not len(labeled):
                    raise ValueError(
                        f"y has no labels: all {len(unlabeled)} are None, NaN or -1. "
                        "Use a scorer of sktransfer.model_selection, which needs no "
                        "labels."
                    )
                X, y = _safe_indexing(X, labeled), as_labels(label_array(y)[labeled])
                if sample_weight is not None:
                    sample_weight = _safe_indexing(sample_weight, labeled)
        return super().score(X, y, sample_weight)

    def to_keras(self):
        """Build the whole fitted network as a live Keras model.

        Returns
        -------
        keras.Model
            Functional model from samples, in the shape that the backbone expects, to
            the probabilities of `predict_proba`: with the standardization or the
            preprocessing of the samples, the backbone, the head and a softmax. After a
            fit with ``"tabular"`` it also contains the labeled samples. It is a copy;
            to train it changes nothing in the estimator. Its ``predict`` rounds samples
            to float32; with ``dtype="float64"`` call the model itself.

        Raises
        ------
        ValueError
            If columns of X were converted to numbers before the network: categories,
            dates and durations. Or if the values of a column are out of the range of
            float32.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from sktransfer import TransferClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = TransferClassifier("mlp", epochs=5, random_state=0).fit(X, y)
        >>> model = clf.to_keras()
        >>> np.allclose(model.predict(X, verbose=0), clf.predict_proba(X), atol=1e-5)
        True
        """
        check_is_fitted(self)
        converted = self._columns.converted
        if converted:
            raise ValueError(
                f"Columns {converted[:3]} of X are not numeric: they were converted "
                "before the network, which a Keras model cannot do. Encode them by a "
                "transformer before the estimator, and call to_keras of the estimator."
            )
        with preserve_random_state():
            return self._predictor.to_keras(self.backbone_, self._head)

    def _predict(self, X, method):
        """Compute logits, and call a method of the head with them."""
        check_is_fitted(self)
        if X is not self._checked_X:
            X = check_rows(self, X, reset=False, columns=self._columns)
            X = self._predictor.prepare(self.backbone_, X)
        folder = memory_folder(self.memory)
        logits = self._predictor.logits(self.backbone_, X, folder)
        return getattr(self._head, method)(logits)

    def _html_repr(self):
        html = super()._html_repr()
        if not hasattr(self, "backbone_"):
            return html
        table = self.backbone_.layers_table().mark(self.frozen_depth_)
        return (
            f"{html}<details><summary>Layers: {self.frozen_depth_} of "
            f"{self.backbone_.n_layers} frozen</summary>{table._repr_html_()}</details>"
        )
