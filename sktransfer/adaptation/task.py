"""The task of an adaptation method: training and outputs on two domains."""

import contextlib
import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import softmax

from sktransfer._large_arrays import take_rows
from sktransfer._task import FitTask
from sktransfer._warnings import warn_user
from sktransfer.training.fine_tune import fine_tune
from sktransfer.training.plan.stages import Stage
from sktransfer.training.step.alignment import Alignment
from sktransfer.training.step.program_cache import get_program
from sktransfer.training.store.samples import SampleFeatures, Samples

# Classes of a smaller probability are left out, but for the most probable one.
_MIN_PROBA = 0.01


@dataclass(frozen=True)
class DomainTask:
    """Labeled samples, samples of a target, and a network to train on them.

    Target samples whose labels may be used are also among the labeled samples. There
    are no other labels of the target.

    Attributes
    ----------
    fit_task : FitTask
        The fit on the labeled samples. Each training starts with a copy of its random
        generator.
    stages : list of Stage
        Stages of the recipe.
    target : Samples
        Samples of the target; their y is 0.
    domains : ndarray of int
        Domain of each sample of X.
    target_domains : ndarray of int
        Domain of each sample of the target.
    """

    fit_task: FitTask
    stages: list
    target: Samples
    domains: np.ndarray
    target_domains: np.ndarray

    @property
    def source(self):
        """Labeled samples, with class indices and weights."""
        return self.fit_task.samples

    @property
    def source_domains(self):
        """Domain of each labeled sample."""
        return self.domains[self.source.index]

    @property
    def backbone(self):
        """Backbone that training starts from."""
        return self.fit_task.backbone

    @property
    def n_classes(self):
        """Number of classes."""
        return self.fit_task.head.n_units

    @property
    def frozen_depth(self):
        """Number of frozen layers with weights in the last stage."""
        return self.stages[-1].depth

    @property
    def rng(self):
        """A new random generator, independent of that of the training."""
        return copy.deepcopy(self.fit_task.rng).spawn(1)[0]

    @cached_property
    def source_fit(self):
        """Fit on all labeled samples without a method; trained once."""
        return self.train()

    def train(
        self,
        method=None,
        *,
        chosen=None,
        sample_weight=None,
        backbone=None,
        **settings,
    ):
        """Train on the labeled samples, by the recipe.

        Parameters
        ----------
        method : AdaptationMethod or None, default=None
            Method whose loss is added in gradient steps. None adds no loss.
        chosen : ndarray of int or None, default=None
            Positions of the labeled samples to use. None uses all.
        sample_weight : ndarray or None, default=None
            Factors on the weights of these samples. None is 1.
        backbone : Backbone or None, default=None
            Network to train, with the same number of layers with weights. None is
            :attr:`backbone`. Another network needs a new head.
        **settings
            Training parameters to replace.

        Returns
        -------
        FitResult
        """
        task, samples, alignment = self.fit_task, self.source, None
        backbone = backbone or self.backbone
        if task.head_weights is not None and backbone != self.backbone:
            raise ValueError(
                f"method={method} changes the inputs of the head, so it needs a new "
                "head. Use head='new' and warm_start=False."
            )
        if chosen is not None:
            samples = samples.part(chosen)
        if sample_weight is not None:
            samples = replace(
                samples, sample_weight=samples.sample_weight * sample_weight
            )
        task = task.replace(
            samples=samples,
            backbone=backbone,
            settings=task.settings.replace(**settings),
            rng=copy.deepcopy(task.rng),
        )
        title = "Training on the source"
        if method is not None:
            title = f"Training with {method} on source and target"
            n_epochs = sum(stage.epochs for stage in self.stages)
            if n_epochs == 0:
                raise _nothing_to_train(method, "adds a loss to gradient steps")
            _check_batch(method, task)
            alignment = Alignment(method, self.target, self.rng, n_epochs)
        return fine_tune(task, self.stages, alignment, title)

    def move_labeled(self, function):
        """Return a copy in which a function has transformed the labeled samples.

        A validation set that the user passed has no domains, so it stays as it is.

        Parameters
        ----------
        function : callable
            Called with samples and their domains; returns the transformed samples.

        Returns
        -------
        DomainTask
        """
        samples, validation = self.source, self.fit_task.validation
        n, index = len(samples), samples.index
        is_part_of_X = validation is not None and validation.X is samples.X
        if is_part_of_X:
            index = np.concatenate([index, validation.index])
        domains = self.domains[index]
        X = function(take_rows(samples.X, index), domains)
        if is_part_of_X:
            validation = replace(validation, X=X, index=np.arange(n, len(index)))
        samples = replace(samples, X=X, index=np.arange(n))
        task = self.fit_task.replace(samples=samples, validation=validation)
        return replace(self, fit_task=task, domains=domains)

    def train_on_target(self, fit, method, *, epochs=None, relabel=None):
        """Continue a fit on samples of the target only.

        Parameters
        ----------
        fit : FitResult
            Fit to start from.
        method : AdaptationMethod
            Method with the phases to run, without the cross-entropy of the source.
        epochs : int or None, default=None
            Number of epochs. None is that of the estimator.
        relabel : callable or None, default=None
            Called with features and logits of all target samples before each epoch;
            returns new class indices. None does not change them.

        Returns
        -------
        FitResult
        """
        target = replace(self.target)
        if self.frozen_depth == fit.backbone.n_layers:
            raise _nothing_to_train(method, "changes the features")
        epochs = epochs or self.fit_task.settings.epochs

        def update_labels(program):
            rows = SampleFeatures(target, program)
            target.y = relabel(rows.features(), rows.logits()).astype(np.int32)

        alignment = Alignment(
            method, None, self.rng, epochs, update_labels if relabel else None
        )
        title = f"Training with {method} on the target"
        return self._continue(fit, target, epochs, title, alignment)

    def _continue(self, fit, samples, epochs, title, alignment=None):
        adapted = fine_tune(
            self.fit_task.replace(
                samples=samples,
                validation=None,
                backbone=fit.backbone.replace(weights=fit.weights, pretrained=True),
                head_weights=fit.head,
                rng=self.rng,
                from_scratch=False,
            ),
            [Stage("target", self.frozen_depth, epochs)],
            alignment,
            title,
        )
        return adapted.replace(
            backbone=fit.backbone,
            history=[*fit.history, *adapted.history],
            best_score=fit.best_score,
            start_weights=fit.start_weights,
            attributes=fit.attributes,
        )

    def part(self, chosen):
        """Return a copy with some of the labeled samples; `chosen` are positions."""
        task = self.fit_task.replace(samples=self.source.part(chosen))
        return replace(self, fit_task=task)

    def distill(self, fit, proba, *, samples=None, epochs=None):
        """Continue a fit with class probabilities as labels.

        If the whole backbone is frozen, the head is solved.

        Parameters
        ----------
        fit : FitResult
            Fit to start from.
        proba : ndarray of shape (n, n_classes)
            Probabilities of the classes of each sample.
        samples : Samples or None, default=None
            Samples to learn from. None is those of the target.
        epochs : int or None, default=None
            Number of epochs. None is that of the estimator.

        Returns
        -------
        FitResult
        """
        # The cross-entropy with probabilities is that of one sample for each class,
        # with the probabilities as weights.
        proba = np.where(
            (proba >= _MIN_PROBA) | (proba == proba.max(axis=1, keepdims=True)),
            proba,
            0,
        )
        proba = proba / proba.sum(axis=1, keepdims=True)
        row, y = np.nonzero(proba)
        samples = samples or self.target
        weight = samples.sample_weight[row] * proba[row, y]
        if self.frozen_depth == fit.backbone.n_layers:
            features = self.features(fit, samples)[row]
            C = self.fit_task.settings.probe_C
            solved = self.fit_task.head.solve(features, y, weight, C)
            head = [array.astype(self.fit_task.dtype) for array in solved]
            return fit.replace(head=head)
        samples = samples.part(row).replace(y=y.astype(np.int32), sample_weight=weight)
        epochs = epochs or self.fit_task.settings.epochs
        return self._continue(fit, samples, epochs, "Learning the mean prediction")

    def features(self, fit, samples):
        """Compute the inputs of the head of a fit, of shape (n, n_features)."""
        return self._outputs(fit, samples, SampleFeatures.features)

    def logits(self, fit, samples):
        """Compute the logits of a fit, of shape (n, n_classes)."""
        return self._outputs(fit, samples, SampleFeatures.logits)

    def proba(self, fit, samples):
        """Compute the class probabilities of a fit, of shape (n, n_classes)."""
        return softmax(self.logits(fit, samples), axis=1)

    def _outputs(self, fit, samples, function):
        with self.program(fit) as program:
            return function(SampleFeatures(samples, program)).astype(np.float64)

    @contextlib.contextmanager
    def program(self, fit):
        """Return a context that holds the program of a fit, loaded with its weights."""
        program = self._program(fit.backbone)
        with program.hold():
            program.load(fit.weights, fit.head)
            yield program

    def _program(self, backbone):
        return get_program(
            backbone,
            self.frozen_depth,
            self.n_classes,
            self.fit_task.dtype,
            from_scratch=self.fit_task.from_scratch,
        )

    def normalization_layers(self):
        """List the BatchNormalization layers that are not frozen.

        Returns
        -------
        list of keras.layers.BatchNormalization
            Shared with other fits; they must not be changed.
        """
        return self._program(self.backbone).normalization_layers

    def renormalize(self, fit, trade_off=1.0):
        """Compute the statistics of BatchNormalization on the target.

        Parameters
        ----------
        fit : FitResult
            Fit to change.
        trade_off : float, default=1.0
            Weight of the new statistics, in [0, 1]; the old ones have the rest.

        Returns
        -------
        FitResult
            Copy with the mean statistics. Frozen layers do not change.
        """
        with self.program(fit) as program:
            statistics = program.batch_statistics(self.target.X, self.target.index)
        weights = list(fit.weights)
        for i, value in statistics.items():
            mixed = trade_off * value + (1 - trade_off) * weights[i]
            weights[i] = mixed.astype(weights[i].dtype)
        return fit.replace(weights=weights)


def _nothing_to_train(method, effect):
    return ValueError(
        f"method={method} {effect}, but the whole backbone is frozen. Use a smaller "
        "frozen_depth and recipe='lp_ft', 'full' or 'gradual'."
    )


def _check_batch(method, task):
    """Check that batches are large enough to compare domains and classes."""
    batch_size, n_samples = task.settings.batch_size, len(task.samples)
    n_classes = task.head.n_units
    size = min(batch_size, n_samples)
    if size == 1:
        raise ValueError(
            f"method={method} compares the samples of a batch; with "
            f"batch_size={batch_size} and {n_samples} labeled samples a batch has one "
            f"sample. Use batch_size={max(32, 2 * n_classes)}, or at least 2."
        )
    if size < n_classes:
        warn_user(
            f"With batch_size={batch_size} no batch has samples of all {n_classes} "
            f"classes, so method={method} sees missing classes as a difference of the "
            f"domains. Use batch_size={max(32, 2 * n_classes)}."
        )
