"""What the estimators share: prediction, tags, display."""

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from sktransfer._inputs.samples import check_rows, learns_in_context, shape_rows
from sktransfer.training.store.feature_folder import memory_folder


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
        from sktransfer.training.step.program_cache import get_program

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
