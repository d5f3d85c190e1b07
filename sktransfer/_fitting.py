"""Fitting of the estimators: make a task, let a learner fit it, set attributes."""

import copy
import dataclasses
import numbers

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing

from sktransfer._callbacks import EpochTasks
from sktransfer._inputs.labels import (
    check_labels,
    check_none_missing,
    weigh_classes,
)
from sktransfer._inputs.samples import check_rows
from sktransfer._inputs.scale import warn_of_other_scale
from sktransfer._large_arrays import take_rows
from sktransfer._random import make_rng
from sktransfer._scorers import supports_weights
from sktransfer._task import FitTask, Settings
from sktransfer._threads import limit_worker_threads
from sktransfer._training_parameters import named_parameters, training_parameters
from sktransfer._unused_parameters import warn_of_unused
from sktransfer._warnings import warn_user
from sktransfer.averaging import AVERAGING_ATTRIBUTES
from sktransfer.backbones.sources import BuildOptions
from sktransfer.heads import keep_head
from sktransfer.learners.choose import choose_learner, read_source
from sktransfer.recipe import choose_recipe
from sktransfer.training.store.feature_folder import memory_folder


class FittingMixin:
    """Fits a copy of an estimator; the estimator gets its attributes at the end."""

    _supports_multilabel = True
    # Whether named parameters of training fine-tune a network that learns in context.
    _fine_tunes_in_context = True
    # What was trained, and the state of its optimizer, which `partial_fit` continues.
    _partial_fit_state = None, None

    def _copy_for_fit(self, *, partial=False):
        """Return a shallow copy, with fitted attributes only if the fit uses them."""
        fitted = copy.copy(self)
        if not (partial or self.warm_start):
            for name in [name for name in vars(fitted) if name.endswith("_")]:
                delattr(fitted, name)
        for name in AVERAGING_ATTRIBUTES:
            vars(fitted).pop(name, None)
        return fitted

    def _set_state(self, fitted, reports=None):
        """Set all attributes to those of a fitted copy."""
        # Callbacks of scikit-learn store attributes in this object during a fit.
        private = {k: v for k, v in vars(self).items() if not k.endswith("_")}
        self.__dict__ = private | vars(fitted)
        if reports is not None:
            reports.fit_end(vars(fitted))
        return self

    def _read_source(self):
        """Return the source of a fit; a warm start has that of the fitted backbone."""
        source = read_source(vars(self).get("backbone_", self.backbone))
        source.check()
        return source

    def _check_fit_input(self, X, y, sample_weight, *, source, reset=True):
        """Check a training set and leave out samples of weight 0.

        Returns
        -------
        Samples
            Its y has class labels, not class indices.
        """
        if reset:
            self._columns = source.table_columns(X, self.weights)
        check_none_missing(y)
        X, y = check_rows(self, X, y, reset=reset, columns=self._columns)
        return check_labels(
            X,
            y,
            sample_weight,
            accepts_multilabel=self._supports_multilabel and source.accepts_multilabel,
        )

    def _check_training(self):
        """Check parameters of training that need neither data nor a network."""
        from sktransfer.training.observer import make_callbacks
        from sktransfer.training.step.optimizers import (
            check_learning_rate,
            serialize_optimizer,
        )

        parameters = training_parameters(self, {})
        check_learning_rate(parameters["learning_rate"])
        serialize_optimizer(parameters["optimizer"])
        make_callbacks(self.callbacks)
        if not isinstance(self.recipe, str):
            self.recipe.check_parameters()

    def _settings(self, recipe, parameters):
        from sktransfer.training.step.optimizers import (
            check_learning_rate,
            serialize_optimizer,
        )

        check_learning_rate(parameters["learning_rate"])
        parameters = parameters | recipe.get_params()
        del parameters["order"], parameters["frozen_depth"]
        parameters["optimizer"] = serialize_optimizer(parameters["optimizer"])
        scoring = {"loss": "loss", None: "accuracy", "accuracy": "accuracy"}
        return Settings(scoring=scoring.get(self.scoring, "scorer"), **parameters)

    def _check_validation(self, data, train, head):
        """Check X_val, y_val and sample_weight_val of fit.

        Returns
        -------
        Samples or None
            Its y has class labels. None if the user gave no validation set.
        """
        X_val, y_val, sample_weight = data
        if X_val is None and y_val is None:
            if sample_weight is not None:
                raise ValueError(
                    "sample_weight_val needs X_val and y_val; both are None."
                )
            return None
        for name, value in (("X_val", X_val), ("y_val", y_val)):
            if value is None:
                raise ValueError(
                    f"{name}=None; a validation set needs both X_val and y_val."
                )
        if self.early_stopping is not None and not self.early_stopping:
            raise ValueError(
                "X_val and y_val are for early stopping; got early_stopping=False. "
                "Use early_stopping=True or None, or leave them out."
            )
        samples = self._check_labeled(X_val, y_val, sample_weight, head)
        warn_of_other_scale("X_val", samples.X, train.X)
        return samples

    def _check_labeled(self, X_val, y_val, sample_weight, head):
        """Check a validation set; its labels must be those of a head."""
        check_none_missing(y_val, "y_val")
        try:
            X, y = check_rows(self, X_val, y_val, reset=False, columns=self._columns)
        except (TypeError, ValueError) as error:
            raise type(error)(f"X_val, y_val: {error}") from error
        samples = check_labels(X, y, sample_weight, accepts_multilabel=True)
        if not head.accepts(samples.y):
            raise ValueError(
                f"y_val has labels that are not in y, or another shape: its labels are "
                f"{np.unique(samples.y).tolist()}, and the classes of y are "
                f"{head.classes.tolist()}."
            )
        return samples

    def _make_task(
        self,
        samples,
        head,
        source,
        *,
        is_warm,
        partial=False,
        validation=None,
        **options,
    ):
        """Make the task of a fit.

        Parameters
        ----------
        samples : Samples
            Training set; y has class labels.
        head : ClassHead or MultilabelHead
            Head for these labels.
        source : Source
            Source of the parameter `backbone`.
        is_warm : bool
            Whether training starts from the fitted weights.
        partial : bool, default=False
            Whether `partial_fit` was called.
        validation : Samples or None, default=None
            Validation set of the user; y has class labels.
        **options
            Other attributes of the task.
        """
        from sktransfer.backbones.freezing import resolve_depth
        from sktransfer.training.observer import (
            Observer,
            changes_rates,
            make_callbacks,
        )

        limit_worker_threads()
        rng = make_rng(self.random_state)
        own_defaults = source.training_defaults(len(samples))
        parameters = training_parameters(self, own_defaults, validation)
        is_named = bool(named_parameters(self)) or validation is not None
        callbacks = make_callbacks(self.callbacks)
        if partial or callable(self.learning_rate) or changes_rates(callbacks):
            # A schedule that the user did not ask for gives way.
            own_defaults = {}
        recipe = choose_recipe(
            self,
            parameters,
            own_defaults,
            in_context=source.learns_in_context,
            named=is_named and self._fine_tunes_in_context,
            partial=partial,
        )
        settings = self._settings(recipe, parameters)
        classes = self._head.classes if is_warm else head.classes
        weighted = weigh_classes(self.class_weight, samples, classes)
        if is_warm:
            backbone, head = self.backbone_, self._head
            if not head.accepts(samples.y):
                raise ValueError(
                    f"y has labels of another kind than the fit that training resumes: "
                    f"its shape is {samples.y.shape}, and that fit had {head}."
                )
        else:
            build = BuildOptions(self.weights, self.feature_layer, self.preprocess)
            if source.uses_n_estimators(self.weights):
                build = build._replace(n_estimators=self.n_estimators)
            backbone = source.build(build, weighted, rng, self._columns)
            if partial and not backbone.pretrained and backbone.standardization:
                _check_first_batch(backbone.standardization, self._columns)
            if self.head == "keep":
                head = keep_head(backbone, head, self.feature_layer)
        keeps_head = self.head == "keep" or (is_warm and not source.learns_in_context)
        depth = resolve_depth(parameters["frozen_depth"], backbone.layers_table())
        if recipe.order in ("linear_probe", "in_context"):
            depth = backbone.n_layers
        task = FitTask(
            samples=_encode(weighted, head, backbone, self.dtype),
            validation=validation
            and _encode(validation, head, backbone, self.dtype, "X_val"),
            head=head,
            backbone=backbone,
            frozen_depth=depth,
            order=recipe.order,
            settings=settings,
            dtype=self.dtype,
            rng=rng,
            observer=Observer(callbacks, verbose=self.verbose),
            head_weights=backbone.head if keeps_head else None,
            from_scratch=self._from_scratch if is_warm else not backbone.pretrained,
            is_warm=is_warm,
            start_weights=self.start_weights_ if is_warm else None,
            folder=memory_folder(self.memory),
            one_epoch=partial,
            nominal=self._columns.nominal,
            n_estimators=self.n_estimators,
            softmax_temperature=self.softmax_temperature,
            **options,
        )
        trained, state = self._partial_fit_state
        if partial and is_warm and trained == task.trained:
            task = task.replace(optimizer_state=state)
        warn_of_unused(self, source, task)
        return task

    def _fit_task(self, task, source, estimator=None, X=None):
        """Fit a task on this copy of an estimator.

        Parameters
        ----------
        task : FitTask
            From :meth:`_make_task`.
        source : Source
            Source of the parameter `backbone`.
        estimator : estimator or None, default=None
            Estimator whose scikit-learn callbacks are called.
        X : array-like of shape (n_samples, ...), default=None
            Samples of the user, for these callbacks.

        Returns
        -------
        EpochTasks or None
            Reports to these callbacks.
        """
        learner, reports = choose_learner(source), None
        if task.settings.scoring == "scorer":
            task = task.replace(scorer=self._make_scorer(task, learner))
        self._head, self._from_scratch = task.head, task.from_scratch
        if estimator is not None:
            samples = task.samples
            data = {
                "X": lambda: _safe_indexing(X, samples.index),
                "y": task.head.labels(samples.y),
            }
            reports = EpochTasks(
                estimator,
                lambda program: self._fitted_attributes(task, learner, program),
                data,
            )
            task.observer.listener = reports
        self._set_attributes(task, learner.fit(task))
        return reports

    def _make_scorer(self, task, learner):
        """Make a function that computes the score `scoring` of a program."""
        scorer = check_scoring(self, self.scoring)
        is_weighted = supports_weights(scorer, task.head.n_units)

        def score(program, samples):
            fitted = copy.copy(self)
            vars(fitted).update(self._fitted_attributes(task, learner, program))
            X = take_rows(samples.X, samples.index)
            fitted._checked_X = X  # noqa: SLF001
            weight, options = samples.sample_weight, {}
            if is_weighted and np.ptp(weight) > 0:
                options["sample_weight"] = weight
            value = scorer(fitted, X, task.head.labels(samples.y), **options)
            if not isinstance(value, numbers.Real) or not np.isfinite(value):
                raise ValueError(
                    f"scoring={self.scoring!r} returned {value!r} for the validation "
                    "set; expected a finite number."
                )
            return value

        return score

    def _fitted_attributes(self, task, learner, program):
        """Return the fitted attributes for the current weights of a program."""
        weights, head, predictor = learner.snapshot(task, program)
        return vars(self) | {
            "backbone_": task.backbone.replace(
                weights=weights, head=head, classes=task.head.classes
            ),
            "classes_": task.head.classes,
            "frozen_depth_": program.depth,
            "_predictor": predictor,
        }

    def _set_attributes(self, task, result):
        """Set the fitted attributes from the result of a learner."""
        entries = result.history
        if task.one_epoch and task.is_warm:
            rows = zip(*self.history_.values(), strict=True)
            entries = [
                *(dict(zip(self.history_, r, strict=True)) for r in rows),
                *entries,
            ]
        if hasattr(self, "partial_fit"):
            self._partial_fit_state = task.trained, result.optimizer_state
        if task.start_weights is not None or not task.is_warm:
            is_pretrained = task.is_warm or task.backbone.pretrained
            self.start_weights_ = result.start_weights if is_pretrained else None
        # Weights that did not change are the same arrays as in the source network.
        weights = [
            old if np.array_equal(old, new) else new
            for old, new in zip(result.backbone.weights, result.weights, strict=True)
        ]
        self._predictor = result.predictor
        self.backbone_ = result.backbone.replace(
            weights=weights,
            head=result.head,
            classes=task.head.classes,
            pretrained=True,
        )
        self.classes_ = task.head.classes
        self.frozen_depth_ = task.frozen_depth
        self.history_ = {
            key: [entry.get(key) for entry in entries]
            for key in dict.fromkeys(key for entry in entries for key in entry)
        }
        self.loss_curve_ = self.history_["loss"]
        self.loss_, self.best_loss_ = self.loss_curve_[-1], min(self.loss_curve_)
        self.n_iter_ = len(entries)
        self.validation_scores_ = None
        if task.settings.early_stopping:
            self.validation_scores_ = self.history_.get("val_score")
        self.best_validation_score_ = result.best_score
        for name, value in result.attributes.items():
            setattr(self, f"{name}_", value)


def _check_first_batch(standardization, columns):
    """Check that columns vary in the batch that gives their standard deviations."""
    constant = standardization.unused
    advice = (
        "The first call of partial_fit gives the scale of the columns; use a larger "
        "first batch."
    )
    if len(constant) == standardization.n_columns:
        raise ValueError(f"No column of X varies. {advice}")
    if len(constant):
        warn_user(
            f"Columns of X do not vary and are ignored: {columns.names(constant)}. "
            f"{advice}"
        )


def _encode(samples, head, backbone, dtype, name="X"):
    """Return samples as inputs of a backbone, with the targets of a head."""
    X = backbone.prepare(samples.X, dtype, name)
    return dataclasses.replace(samples, X=X, y=head.targets(samples.y))
