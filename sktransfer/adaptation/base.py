"""What an adaptation method is, and what it gets: a batch of source and target."""

from abc import ABC

from sklearn.base import BaseEstimator

from sktransfer._suggestions import SuggestingMixin
from sktransfer.adaptation.parameter_checks import NON_NEGATIVE
from sktransfer.training.step.domain_batch import DomainBatch, Phase

__all__ = ["AdaptationMethod", "DomainBatch", "Phase"]


class AdaptationMethod(SuggestingMixin, BaseEstimator, ABC):
    """Base class of the adaptation methods.

    A method holds parameters only. A method that adds a loss to the cross-entropy of
    the source defines :meth:`loss`, and :meth:`build` if it has networks of its own.
    A method that does something before or after training defines :meth:`adapt`.

    Parameters
    ----------
    trade_off : float, default=1.0
        Weight of the loss of the method. At 0 the network is the same as without
        adaptation.

    Attributes
    ----------
    metrics : tuple of str
        Names of values that :meth:`loss` returns beside the loss, for ``history_``.
    supports_jit : bool
        Whether XLA can compile the loss. It can compile the operations of Keras.
    """

    metrics = ()
    supports_jit = True

    _parameter_constraints = {"trade_off": [NON_NEGATIVE]}

    def __init__(self, trade_off=1.0):
        self.trade_off = trade_off

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # Constraints of a subclass are added to those of its base class.
        inherited = super(cls, cls)._parameter_constraints
        cls._parameter_constraints = inherited | cls._parameter_constraints

    def check_parameters(self):
        """Raise a ValueError if a parameter is not valid."""
        self._validate_params()

    @staticmethod
    def schedule(progress):
        """Compute the factor on `trade_off` at some point of the training.

        Parameters
        ----------
        progress : float or ndarray
            Number of gradient steps done, divided by the number planned; from 0 to 1.

        Returns
        -------
        float or tensor
            1 by default.
        """
        return 1.0

    def build(self, n_features, n_classes, *, dtype):
        """Make the networks that are trained beside the head; none by default.

        Each fit draws their initial kernels anew (Glorot uniform) by `random_state`.

        Parameters
        ----------
        n_features, n_classes : int
            Number of features and of classes.
        dtype : str
            Floating-point type.

        Returns
        -------
        list of keras.Model
        """
        return []

    def loss(self, batch, strength, networks):
        """Compute the loss that is added to the cross-entropy of the source.

        Parameters
        ----------
        batch : DomainBatch
            Both domains have the same number of samples.
        strength : tensor
            `trade_off` times the schedule. At 0 the loss must not change the features.
        networks : list of keras.Model
            Networks of :meth:`build`.

        Returns
        -------
        tensor or tuple of (tensor, list of tensor)
            The loss, a scalar. A method with :attr:`metrics` returns their values too.
        """
        raise NotImplementedError

    def phases(self):
        """List the gradient steps on each batch; one, on :meth:`loss`, by default.

        Returns
        -------
        list of Phase
        """
        return [Phase(self.loss)]

    def adapt(self, task):
        """Train a network for the target; by default with :meth:`loss`.

        Parameters
        ----------
        task : sktransfer.adaptation.task.DomainTask
            Trains networks on the samples and computes their features and logits. It
            holds no labels of the target except those that may be used.

        Returns
        -------
        FitResult
            What `task` returns. ``dataclasses.replace`` changes parts of it.
        """
        return task.train(self)
