"""What an adaptation method works with: training and outputs on rows of two domains."""

import contextlib
import copy
from dataclasses import replace

import numpy as np

from sktransfer._large_arrays import take_rows
from sktransfer._warnings import warn_user
from sktransfer.training.fine_tune import Stage, fine_tune
from sktransfer.training.step.alignment import Alignment
from sktransfer.training.step.program_cache import get_program
from sktransfer.training.store.samples import Examples, RowFeatures


class DomainTask:
    """Rows of a source and of a target, and a network to train on them.

    Nothing is kept of the labels of target rows but of those that may be used, which
    are among the labeled rows.

    Parameters
    ----------
    backbone, head, stages, source, validation, n_classes, settings
        As :func:`~sktransfer.training.fine_tune.fine_tune`; `source` are the labeled
        rows.
    target : Examples
        Rows of the target; their y is 0.
    source_domains, target_domains : ndarray of int
        Domain of each labeled row and of each row of the target.
    validation_domains : ndarray of int or None, default=None
        Domain of each row of `validation`.
    rng : numpy.random.Generator
        Each training starts with a copy of it.
    **options
        dtype, observer, from_scratch, folder of ``fine_tune``.

    Attributes
    ----------
    source, target : Examples
        The rows; class indices and weights of the labeled ones.
    source_domains, target_domains : ndarray of int
        As given.
    n_classes : int
        Number of classes.
    backbone : Backbone
        What training starts from.
    """

    def __init__(
        self,
        backbone,
        head,
        stages,
        source,
        validation,
        n_classes,
        settings,
        *,
        target,
        source_domains,
        target_domains,
        validation_domains=None,
        rng,
        **options,
    ):
        self.backbone, self.n_classes = backbone, n_classes
        self.source, self.source_domains = source, source_domains
        self.target, self.target_domains = target, target_domains
        self._head, self._stages, self._validation = head, stages, validation
        self._validation_domains = validation_domains
        self._settings, self._rng, self._options = settings, rng, options

    @property
    def n_labeled_target(self):
        """Number of labeled rows of the target."""
        return int((self.source_domains < 0).sum())

    @property
    def frozen_depth(self):
        """Number of weighted layers that keep their weights to the end."""
        return self._stages[-1].depth

    @property
    def rng(self):
        """A generator that no other part of the training draws from."""
        return copy.deepcopy(self._rng).spawn(1)[0]

    def train(
        self,
        method=None,
        *,
        chosen=None,
        sample_weight=None,
        backbone=None,
        **settings,
    ):
        """Train on the labeled rows, by the recipe.

        Parameters
        ----------
        method : AdaptationMethod or None, default=None
            Whose loss is added in the stages with gradient steps.
        chosen : ndarray of int or None, default=None
            Positions of the labeled rows that are used; None is all.
        sample_weight : ndarray or None, default=None
            Factors on the weights of those rows.
        backbone : Backbone or None, default=None
            To train, with as many weighted layers; None is :attr:`backbone`. Another
            one needs a fresh head.
        **settings
            Training parameters that are other than the estimator's.

        Returns
        -------
        Fit
        """
        source, alignment = self.source, None
        backbone = backbone or self.backbone
        if self._head is not None and backbone != self.backbone:
            raise ValueError(
                f"method={method} puts layers between the backbone and the head, which "
                "a trained head does not fit. Use head='new' and warm_start=False."
            )
        settings = replace(self._settings, **settings)
        if chosen is not None:
            source = source.part(chosen)
        if sample_weight is not None:
            weight = source.sample_weight * sample_weight
            source = Examples(source.X, source.index, source.y, weight)
        if method is not None:
            n_epochs = sum(stage.epochs for stage in self._stages)
            if n_epochs == 0:
                raise _nothing_to_train(method, "adds a loss to gradient steps")
            _check_batch(method, settings.batch_size, len(source), self.n_classes)
            alignment = Alignment(method, self.target, self.rng, n_epochs)
        return fine_tune(
            backbone,
            self._head,
            self._stages,
            source,
            self._validation,
            self.n_classes,
            settings,
            rng=copy.deepcopy(self._rng),
            alignment=alignment,
            **self._options,
        )

    def move_labeled(self, function):
        """Copy with other rows in place of the labeled ones.

        Parameters
        ----------
        function : callable
            Called with rows and the domain of each; gives as many rows.

        Returns
        -------
        DomainTask
        """

        def move(examples, domains):
            X = function(take_rows(examples.X, examples.index), domains)
            index = np.arange(len(X))
            return Examples(X, index, examples.y, examples.sample_weight)

        task = copy.copy(self)
        task.source = move(self.source, self.source_domains)
        if self._validation is not None:
            task._validation = move(self._validation, self._validation_domains)
        return task

    def train_on_target(self, fit, method, *, epochs=None, relabel=None):
        """Go on from a fit with rows of the target alone.

        Parameters
        ----------
        fit : Fit
            To start from.
        method : AdaptationMethod
            Whose phases are run; they leave the source's cross-entropy out.
        epochs : int or None, default=None
            Passes over the target; None is as many as the estimator's.
        relabel : callable or None, default=None
            Called with features and class scores of all rows of the target before each
            epoch; gives them class indices.

        Returns
        -------
        Fit
        """
        target = replace(self.target)
        depth, options = self.frozen_depth, self._options
        if depth == fit.backbone.n_layers:
            raise _nothing_to_train(method, "changes the features")
        epochs = epochs or self._settings.epochs

        def relabeled(program):
            rows = RowFeatures(target, program)
            target.y = relabel(rows.features(), rows.logits()).astype(np.int32)

        adapted = fine_tune(
            fit.backbone.replace(weights=fit.weights, pretrained=True),
            fit.head,
            [Stage("target", depth, epochs)],
            target,
            None,
            self.n_classes,
            self._settings,
            rng=self.rng,
            alignment=Alignment(
                method, None, self.rng, epochs, relabeled if relabel else None
            ),
            **(options | {"from_scratch": False}),
        )
        adapted.history.epochs = fit.history.epochs + adapted.history.epochs
        adapted.history.best_score = fit.history.best_score
        return replace(
            adapted,
            backbone=fit.backbone,
            start_head=fit.start_head,
            attributes=fit.attributes,
        )

    def features(self, fit, examples):
        """Compute what goes into the head of a fit, of shape (n, n_features)."""
        return self._outputs(fit, examples, RowFeatures.features)

    def logits(self, fit, examples):
        """Compute the class scores of a fit, of shape (n, n_classes)."""
        return self._outputs(fit, examples, RowFeatures.logits)

    def _outputs(self, fit, examples, function):
        with self.program(fit) as program:
            return function(RowFeatures(examples, program)).astype(np.float64)

    @contextlib.contextmanager
    def program(self, fit):
        """Hold the program of a fit, loaded with its weights."""
        program = get_program(
            fit.backbone,
            self.frozen_depth,
            self.n_classes,
            self._options["dtype"],
            from_scratch=self._options["from_scratch"],
        )
        with program.held():
            program.load(fit.weights, fit.head)
            yield program

    def normalization_layers(self):
        """List the layers of batch normalization that are not frozen.

        Returns
        -------
        list of keras.layers.BatchNormalization
            To look at, not to change.
        """
        program = get_program(
            self.backbone,
            self.frozen_depth,
            self.n_classes,
            self._options["dtype"],
            from_scratch=self._options["from_scratch"],
        )
        return program.normalization_layers

    def renormalize(self, fit, trade_off=1.0):
        """Estimate the statistics of batch normalization anew, on the target.

        Parameters
        ----------
        fit : Fit
            Of which network.
        trade_off : float, default=1.0
            Share of the new statistics; the rest is that of the present ones.

        Returns
        -------
        Fit
            Layers within the frozen depth are as before.
        """
        with self.program(fit) as program:
            statistics = program.batch_statistics(self.target.X, self.target.index)
        weights = list(fit.weights)
        for i, value in statistics.items():
            mixed = trade_off * value + (1 - trade_off) * weights[i]
            weights[i] = mixed.astype(weights[i].dtype)
        return replace(fit, weights=weights)


def _nothing_to_train(method, does):
    return ValueError(
        f"method={method} {does}, and the whole backbone is frozen. Use a smaller "
        "frozen_depth and recipe='lp_ft', 'full' or 'gradual'."
    )


def _check_batch(method, batch_size, n_rows, n_classes):
    """Check that a loss over a batch can tell something about domains and classes."""
    size = min(batch_size, n_rows)
    if size == 1:
        raise ValueError(
            f"method={method} compares the rows of a batch, and with "
            f"batch_size={batch_size} and {n_rows} labeled rows a batch has 1 row. "
            f"Write batch_size={max(32, 2 * n_classes)}, or at least 2."
        )
    if size < n_classes:
        warn_user(
            f"With batch_size={batch_size} no batch has rows of all {n_classes} "
            f"classes, and method={method} takes the classes that a batch lacks for a "
            f"difference of the domains. Write batch_size={max(32, 2 * n_classes)}."
        )
