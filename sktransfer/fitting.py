"""What the estimators share in fit: checks of labels, training, fitted attributes."""

import contextlib
import functools
import numbers
import os

import numpy as np
from joblib import Memory
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

from sktransfer._callbacks import EpochTasks
from sktransfer._inputs.samples import check_rows, learns_in_context, shape_rows
from sktransfer._random import make_rng
from sktransfer.averaging import Interpolation
from sktransfer.base import BaseTransferClassifier
from sktransfer.learners.starting_point import find_start
from sktransfer.recipe import (
    ORDERS,
    Recipe,
    choose_recipe,
    warn_of_steps_not_taken,
)
from sktransfer.training.store.feature_folder import memory_folder

TRAINING_PARAMETERS = {
    "backbone": "no_validation",
    "weights": [str, os.PathLike, None],
    "feature_layer": [str],
    "head": [StrOptions({"new", "keep"})],
    "preprocess": [str, None],
    "frozen_depth": "no_validation",
    "recipe": [StrOptions(set(ORDERS)), Recipe],
    "learning_rate": "no_validation",
    "head_learning_rate": [Interval(numbers.Real, 0, None, closed="neither"), None],
    "layer_decay": [Interval(numbers.Real, 0, 1, closed="right")],
    "optimizer": "no_validation",
    "weight_decay": [Interval(numbers.Real, 0, None, closed="left")],
    "l2_sp": [Interval(numbers.Real, 0, None, closed="left")],
    "label_smoothing": [Interval(numbers.Real, 0, 1, closed="left")],
    "batch_size": [Interval(numbers.Integral, 1, None, closed="left")],
    "epochs": [Interval(numbers.Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(numbers.Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(numbers.Integral, 1, None, closed="left")],
    "tol": [Interval(numbers.Real, 0, None, closed="left")],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "warm_start": ["boolean"],
    "callbacks": "no_validation",
    "memory": [str, os.PathLike, Memory, None],
    "dtype": [StrOptions({"float32", "float64"})],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


class FittedByFineTuning(Interpolation, BaseTransferClassifier):
    """Fitting of an estimator with the parameters of TRAINING_PARAMETERS."""

    def _check_fit_input(self, X, y, sample_weight, *, reset=True):
        """Check a training set; rows without weight are left out.

        Returns
        -------
        X : ndarray of shape (n_samples, ...)
            All rows, not copied.
        index : ndarray of shape (n,), int
            Rows with a weight above 0.
        y : ndarray of shape (n,)
            Their labels as given.
        sample_weight : ndarray of shape (n,), float64
            Their weights.
        """
        X, y = check_rows(self, X, y, reset=reset)
        check_classification_targets(y)
        sample_weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        index = np.flatnonzero(sample_weight > 0)
        return X, index, y[index], sample_weight[index]

    def _apply_class_weight(self, y, sample_weight):
        """Multiply weights by those of the classes; a new array."""
        if self.class_weight is None:
            return sample_weight
        labels, position = np.unique(y, return_inverse=True)
        weight_of = compute_class_weight(
            self.class_weight, classes=labels, y=y, sample_weight=sample_weight
        )
        if (weight_of < 0).any() or not weight_of.any():
            raise ValueError(
                f"class_weight={self.class_weight!r} is not usable; weights must be 0 "
                "or more, and one of them above 0."
            )
        return sample_weight * weight_of[position]

    def _choose_recipe(self, *, partial=False):
        return choose_recipe(
            self.recipe,
            self.backbone,
            self.learning_rate,
            in_context=learns_in_context(self),
            partial=partial,
        )

    def _set_aside(self, examples, n_classes, rng):
        """Split off a stratified, shuffled validation set."""
        try:
            kept, aside = train_test_split(
                np.arange(len(examples)),
                test_size=self.validation_fraction,
                stratify=examples.y,
                random_state=int(rng.integers(2**31)),
            )
        except ValueError as error:
            raise ValueError(
                f"early_stopping=True with validation_fraction="
                f"{self.validation_fraction} cannot set aside a row of each of the "
                f"{n_classes} classes from {len(examples)} rows: {error} Use more "
                "rows, a larger validation_fraction or early_stopping=False."
            ) from error
        return examples.part(kept), examples.part(aside)

    def _settings(self, recipe):
        from sktransfer.training.loop import Settings
        from sktransfer.training.step.optimizers import (
            check_learning_rate,
            serialize_optimizer,
        )

        check_learning_rate(self.learning_rate)
        names = [
            "learning_rate",
            "head_learning_rate",
            "layer_decay",
            "weight_decay",
            "l2_sp",
            "label_smoothing",
            "batch_size",
            "epochs",
            "n_iter_no_change",
            "tol",
        ]
        of_recipe = recipe.get_params()
        del of_recipe["order"]
        return Settings(
            optimizer=serialize_optimizer(self.optimizer),
            **{name: getattr(self, name) for name in names},
            **of_recipe,
        )

    def _check_labels(self, y):
        """Check the labels of a training set; return its classes and if it goes on."""
        labels = np.unique(y)
        if len(labels) < 2:
            raise ValueError(
                "y has one class (with a sample_weight above 0); at least 2 "
                "classes are needed."
            )
        going_on = self.warm_start and hasattr(self, "backbone_")
        if going_on and not (
            np.isin(labels, self.classes_).all()
            if self.head == "keep"
            else np.array_equal(labels, self.classes_)
        ):
            raise ValueError(
                f"warm_start goes on with the classes {self.classes_.tolist()}; y "
                f"has {labels.tolist()}."
            )
        return labels, going_on

    def _fit(
        self,
        X,
        index,
        y,
        sample_weight,
        labels,
        *,
        going_on,
        partial=False,
        run=None,
        is_target=None,
    ):
        """Train on checked rows, from the fitted weights if `going_on`.

        `run` may make something else of what fine_tune gets; `is_target` says which
        rows are of a target, if any. The Fit is returned.
        """
        from sktransfer.backbones.freezing import resolve_depth
        from sktransfer.training.fine_tune import Stage, fine_tune, plan
        from sktransfer.training.observer import Observer, make_callbacks
        from sktransfer.training.store.samples import Examples

        rng = make_rng(self.random_state)
        recipe = self._choose_recipe(partial=partial)
        settings = self._settings(recipe)
        warn_of_steps_not_taken(self, recipe)
        recipe = recipe.order
        weight = self._apply_class_weight(y, sample_weight)
        backbone, classes, has_head, from_scratch = find_start(
            self,
            (X, index, y, sample_weight),
            labels,
            rng,
            class_weighted=weight,
            going_on=going_on,
            is_target=is_target,
        )
        position = np.searchsorted(classes, y).astype(np.int32)
        X = shape_rows(X, backbone.input_shape)
        depth = resolve_depth(self.frozen_depth, backbone.layers_table())
        if recipe in ("linear_probe", "in_context"):
            depth = backbone.n_layers

        examples, validation = Examples(X, index, position, weight), None
        tuned = learns_in_context(self) and recipe != "in_context"
        if (self.early_stopping or tuned) and not partial:
            examples, validation = self._set_aside(examples, len(classes), rng)
        if tuned and run is None:
            from sktransfer.learners.context_tuning import tune_in_context

            run = functools.partial(tune_in_context, early_stopping=self.early_stopping)

        if partial:
            stages = [Stage("fine_tune", depth, 1)]
        else:
            stages = plan(
                recipe,
                depth=depth,
                n_layers=backbone.n_layers,
                epochs=self.epochs,
                pretrained=backbone.pretrained or going_on,
                has_head=has_head,
            )
        n_epochs = sum(stage.epochs for stage in stages)
        tasks = None
        if not partial:
            tasks = EpochTasks(
                self,
                lambda: X[index],
                y,
                backbone,
                classes,
                n_epochs if run is None else None,
            )
        observer = Observer(
            make_callbacks(self.callbacks),
            epochs=n_epochs,
            verbose=self.verbose,
            listener=tasks if getattr(self, "_skl_callbacks", None) else None,
        )
        state, entries = None, []
        if partial and going_on:
            state, entries = getattr(self, "_partial_fit_state", (state, entries))
        fitted = (run or fine_tune)(
            backbone,
            backbone.head if has_head else None,
            stages,
            examples,
            validation,
            len(classes),
            settings,
            dtype=self.dtype,
            from_scratch=from_scratch,
            rng=rng,
            observer=observer,
            folder=memory_folder(self.memory),
            optimizer_state=state,
        )
        observer.close()
        entries = [*entries, *fitted.history.epochs]
        if not going_on or learns_in_context(self):
            start = fitted.backbone.weights, fitted.start_head
            self._start = start if backbone.pretrained else None
        self._keep(fitted, entries, classes, depth)
        self._from_scratch = from_scratch
        if partial:
            self._partial_fit_state = (fitted.optimizer_state, entries)
        else:
            vars(self).pop("_partial_fit_state", None)
            tasks.end()
        return fitted

    def _keep(self, fitted, entries, classes, depth):
        """Set the fitted attributes."""
        # Weights that did not change stay the same object, shared with the source.
        weights = [
            old if np.array_equal(old, new) else new
            for old, new in zip(fitted.backbone.weights, fitted.weights, strict=True)
        ]
        self.backbone_ = fitted.backbone.replace(
            weights=weights, head=fitted.head, classes=classes, pretrained=True
        )
        self.classes_ = classes
        self.frozen_depth_ = depth
        self.history_ = {
            key: [entry.get(key) for entry in entries]
            for key in dict.fromkeys(key for entry in entries for key in entry)
        }
        self.loss_curve_ = self.history_["loss"]
        self.loss_, self.best_loss_ = self.loss_curve_[-1], min(self.loss_curve_)
        self.n_iter_ = len(entries)
        self.validation_scores_ = None
        if self.early_stopping:
            self.validation_scores_ = self.history_.get("val_score")
        self.best_validation_score_ = fitted.history.best_score

    @contextlib.contextmanager
    def _all_or_nothing(self):
        """Leave the fitted attributes as they were when fit does not succeed."""
        before = {k: v for k, v in vars(self).items() if _is_fitted_name(k)}
        try:
            yield
        except BaseException:
            for name in [k for k in vars(self) if _is_fitted_name(k)]:
                delattr(self, name)
            vars(self).update(before)
            raise


def _is_fitted_name(name):
    return (name.endswith("_") and not name.startswith("_")) or name in (
        "_columns",
        "_from_scratch",
        "_partial_fit_state",
        "_start",
    )
