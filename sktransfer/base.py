"""What the estimators share: input checks, labels, weights, prediction, tags."""

import os

import numpy as np
from joblib import Memory
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import assert_all_finite, check_array, check_X_y
from sklearn.utils.validation import check_is_fitted, validate_data

from sktransfer._large_arrays import blocks
from sktransfer.exceptions import BackboneError
from sktransfer.table_columns import TableColumns


def make_rng(random_state):
    """Make a NumPy Generator from a random_state, leaving global state alone.

    Parameters
    ----------
    random_state : None, int or numpy.random.RandomState
        None gives fresh entropy; an instance is advanced by one draw.

    Returns
    -------
    numpy.random.Generator
    """
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(np.iinfo(np.int32).max)
    return np.random.default_rng(random_state)


def check_values(estimator, X):
    """Raise ValueError when X has values that the estimator cannot hold.

    scikit-learn's check would bring all of a memory-mapped file into memory.

    Parameters
    ----------
    estimator : estimator
        Has a `dtype` that must hold the values.
    X : ndarray of shape (n_samples, ...)
        Rows.
    """
    allow_nan = learns_in_context(estimator)
    limited = X.dtype == np.float64 and estimator.dtype == "float32" and X.size
    limit = np.finfo(np.float32).max
    for rows in blocks(X):
        assert_all_finite(
            rows,
            allow_nan=allow_nan,
            estimator_name=type(estimator).__name__,
            input_name="X",
        )
        if limited and max(np.nanmax(rows), -np.nanmin(rows)) > limit:
            raise ValueError(
                "Input X contains a value too large for dtype('float32'); scale it, or "
                "use dtype='float64'."
            )


def learns_in_context(estimator):
    """Whether the estimator's backbone learns from all rows at once, without steps.

    It then takes missing values, and columns of strings.
    """
    backbone = getattr(estimator, "backbone", None)
    return isinstance(backbone, str) and backbone == "tabular"


def check_rows(estimator, X, y="no_validation", *, reset):
    """Check X as any number of numeric dimensions; keep its own type.

    Parameters
    ----------
    estimator : estimator
        Has a `dtype` that must hold the values; its n_features_in_ and
        feature_names_in_ are set, or compared.
    X : array-like of shape (n_samples, ...)
        Rows.
    y : array-like of shape (n_samples,), default="no_validation"
        Labels, where there are any.
    reset : bool
        Whether this is a fit.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        With labels, a tuple of rows and labels.
    """
    options = {"dtype": "numeric", "allow_nd": True, "ensure_all_finite": False}
    columns = None
    if learns_in_context(estimator):
        columns = TableColumns(X) if reset else estimator._columns
    if columns is None or columns.are_numbers:
        checked = validate_data(estimator, X, y, reset=reset, **options)
    else:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        X = columns.transform(X)
        has_labels = not (isinstance(y, str) and y == "no_validation")
        checked = (
            check_X_y(X, y, **options) if has_labels else check_array(X, **options)
        )
    if columns is not None:
        estimator._columns = columns
    check_values(estimator, checked[0] if isinstance(checked, tuple) else checked)
    return checked


def shape_rows(X, input_shape):
    """Give rows the shape that a backbone takes.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Rows.
    input_shape : tuple
        Shape of one row; None where any size is accepted.

    Returns
    -------
    ndarray of shape (n, ...)
        A view where possible.

    Raises
    ------
    BackboneError
        When the sizes do not agree.
    """
    shape = X.shape[1:]
    if len(shape) == len(input_shape) and all(
        wanted in (None, n) for n, wanted in zip(shape, input_shape, strict=True)
    ):
        return X
    unknown = input_shape.count(None)
    known = int(np.prod([n for n in input_shape if n is not None], dtype=int))
    size = int(np.prod(shape, dtype=int))
    if (unknown == 0 and size == known) or (unknown == 1 and size % known == 0):
        return X.reshape(len(X), *(-1 if n is None else n for n in input_shape))
    raise BackboneError(
        f"X has rows of shape {shape}, {size} values each; the backbone takes rows of "
        f"shape {input_shape}."
    )


def memory_folder(memory):
    """Find the folder that a `memory` parameter means.

    Parameters
    ----------
    memory : str, path-like, joblib.Memory or None
        A path is that of a joblib.Memory, but nothing is made there yet.

    Returns
    -------
    str or None
    """
    if isinstance(memory, Memory):
        return memory.store_backend and memory.store_backend.location
    return None if memory is None else os.path.join(os.fspath(memory), "joblib")


class BaseTransferClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Prediction, checks and display of a fitted network with a head.

    A fitted subclass has ``backbone_`` (with its head), ``classes_`` and
    ``frozen_depth_``.
    """

    def __sklearn_is_fitted__(self):
        return hasattr(self, "backbone_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        if learns_in_context(self):
            tags.input_tags.allow_nan = True
            tags.input_tags.categorical = tags.input_tags.string = True
        return tags

    @property
    def weights_(self):
        """Trained weights: the backbone's, then kernel and bias of the head."""
        if not hasattr(self, "backbone_"):
            raise AttributeError("weights_ is there after fit.")
        return [*self.backbone_.weights, *self.backbone_.head]

    def decision_function(self, X):
        """Compute class scores (logits).

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes), float64
            For two classes, the score of ``classes_[1]`` less that of the other.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            In the order of ``classes_``; rows sum to 1.
        """
        return softmax(self._scores(X), axis=1)

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Values of ``classes_``.
        """
        scores = self._scores(X)
        return self.classes_[scores.argmax(axis=1)]

    def _scores(self, X):
        check_is_fitted(self)
        from sktransfer.training.program_cache import get_program

        X = shape_rows(check_rows(self, X, reset=False), self.backbone_.input_shape)
        program = get_program(
            self.backbone_,
            self.frozen_depth_,
            len(self.classes_),
            self.dtype,
            # The program of the fit, as long as it is there.
            from_scratch=getattr(self, "_from_scratch", False),
        )
        with program.held():
            program.load(self.backbone_.weights, self.backbone_.head)
            return program.predict(X, memory_folder(self.memory)).astype(np.float64)

    def _html_repr(self):
        html = super()._html_repr()
        if not hasattr(self, "backbone_"):
            return html
        table = self.backbone_.layers_table().mark(self.frozen_depth_)
        return (
            f"{html}<details><summary>Layers: {self.frozen_depth_} of "
            f"{self.backbone_.n_layers} frozen</summary>{table._repr_html_()}</details>"
        )
