"""Learning by gradient steps: training of a backbone and its head."""

import contextlib
from dataclasses import dataclass

import numpy as np

from sktransfer.learners.validation import split_validation


class BySteps:
    """Learner that trains a network by the stages of a recipe."""

    def fit(self, task):
        """Fit a task.

        Parameters
        ----------
        task : FitTask
            The fit.

        Returns
        -------
        FitResult
        """
        from sktransfer.training.fine_tune import fine_tune
        from sktransfer.training.plan.stages import Stage, plan_task

        if task.one_epoch:
            stages = [Stage("fine_tune", task.frozen_depth, 1)]
        else:
            stages = plan_task(task)
        n_epochs = sum(stage.epochs for stage in stages)
        # A probe that is solved does not stop early, and needs no validation set.
        needs_validation = task.settings.early_stopping and not task.one_epoch
        if needs_validation and n_epochs > 0 and task.validation is None:
            task = split_validation(task)
        task.observer.fit_begin(n_epochs, is_exact=task.adapt is None)
        result = (task.adapt or fine_tune)(task, stages)
        predictor = StepsPredictor(task.frozen_depth, task.dtype, task.from_scratch)
        return result.replace(predictor=predictor)

    def snapshot(self, task, program):
        """Return weights, head and predictor for the current state of a program."""
        weights, head = program.read()
        predictor = StepsPredictor(program.depth, task.dtype, task.from_scratch)
        return weights, head, predictor


@dataclass(frozen=True)
class StepsPredictor:
    """Computes the logits of a network with a head.

    Attributes
    ----------
    frozen_depth : int
        Number of frozen layers with weights.
    dtype : str
        Floating-point type of the computations.
    from_scratch : bool
        Value of the fit, so that predictions use the same compiled program.
    """

    frozen_depth: int
    dtype: str
    from_scratch: bool

    @contextlib.contextmanager
    def program(self, backbone):
        """Return a context with the program of a backbone, loaded with its weights."""
        from sktransfer.training.step.program_cache import get_program

        program = get_program(
            backbone,
            self.frozen_depth,
            len(backbone.head[1]),
            self.dtype,
            from_scratch=self.from_scratch,
        )
        with program.hold():
            program.load(backbone.weights, backbone.head)
            yield program

    def prepare(self, backbone, X, name="X"):
        """Return checked samples as the network sees them.

        Parameters
        ----------
        backbone : Backbone
            The network.
        X : ndarray of shape (n, ...)
            Samples.
        name : str, default="X"
            What the samples are called in an error message.

        Returns
        -------
        ndarray of shape (n, ...)
        """
        return backbone.prepare(X, self.dtype, name)

    def logits(self, backbone, X, folder):
        """Compute the logits of samples.

        Parameters
        ----------
        backbone : Backbone
            Network with a head.
        X : ndarray of shape (n, ...)
            Result of :meth:`prepare`.
        folder : str or None
            Folder that keeps outputs of frozen layers.

        Returns
        -------
        ndarray of shape (n, n_units), float64
        """
        with self.program(backbone) as program:
            return program.predict(X, folder).astype(np.float64)

    def to_keras(self, backbone, head):
        """Build the whole network as a live Keras model.

        Parameters
        ----------
        backbone : Backbone
            Network with the weights of a head.
        head : ClassHead or MultilabelHead
            Kind of the outputs.

        Returns
        -------
        keras.Model
            Model from samples to probabilities.
        """
        return head.append_to(backbone.build(dtype=self.dtype), backbone.head)
