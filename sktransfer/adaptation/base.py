"""What an adaptation method is: a loss over a batch of source and target rows."""

from abc import ABC

from keras import ops
from sklearn.base import BaseEstimator

from sktransfer.adaptation._parameters import NOT_NEGATIVE, check_parameters
from sktransfer.training.step.domain_batch import Phase


class AdaptationMethod(BaseEstimator, ABC):
    """Base of the adaptation methods.

    A method holds parameters only. One that adds a loss to the cross-entropy of the
    source rows defines :meth:`loss`, and :meth:`build` if it has networks of its own.
    Others, which do something before or after training, define :meth:`adapt`.

    Attributes
    ----------
    metrics : tuple of str
        Names of what :meth:`loss` gives beside the loss, for ``history_``.
    supports_jit : bool
        Whether XLA can compile the loss; Keras operations can be compiled.
    """

    metrics = ()
    supports_jit = True

    _parameter_constraints = {"trade_off": [NOT_NEGATIVE]}

    def __init__(self, trade_off=1.0):
        self.trade_off = trade_off

    def _validate_params(self):
        """Check the parameters that have constraints."""
        check_parameters(self)

    @staticmethod
    def schedule(progress):
        """Return the factor on `trade_off` at a progress in [0, 1]; 1 by default.

        Parameters
        ----------
        progress : float or tensor
            Gradient steps done over those planned.

        Returns
        -------
        float or tensor
        """
        return 1.0

    def build(self, n_features, n_classes, *, dtype):
        """Make the networks that are trained beside the head; none by default.

        Their kernels are drawn anew for each fit, Glorot uniform, by `random_state`.

        Parameters
        ----------
        n_features, n_classes : int
            Sizes of what goes into the head and of what comes out.
        dtype : str
            Floating-point type.

        Returns
        -------
        list of keras.Model
        """
        return []

    def loss(self, batch, strength, networks):
        """Compute what is added to the cross-entropy of the source rows.

        Parameters
        ----------
        batch : DomainBatch
            Both domains have the same number of rows.
        strength : tensor
            `trade_off` times the schedule; at 0 the features must not be changed.
        networks : list of keras.Model
            From :meth:`build`.

        Returns
        -------
        tensor or tuple of (tensor, list of tensor)
            A scalar; with :attr:`metrics`, and their values.
        """
        raise NotImplementedError

    def phases(self):
        """List the gradient steps on each batch; one, of :meth:`loss`, by default.

        Returns
        -------
        list of Phase
        """
        return [Phase(self.loss)]

    def adapt(self, task):
        """Train for the target; by default with the loss of this method.

        Parameters
        ----------
        task : sktransfer.adaptation.task.DomainTask
            Trains networks on the rows at hand and computes their outputs. It has no
            labels of target rows but those that may be used.

        Returns
        -------
        sktransfer._task.FitResult
        """
        return task.train(self)


def grow(progress):
    r"""Grow from 0 to 1 as :math:`\lambda_q = 2 / (1 + e^{-10 q}) - 1`."""
    return 2 / (1 + ops.exp(-10 * progress)) - 1


def reverse_gradient(x, strength):
    """Give x as it is, with a gradient that is multiplied by minus `strength`."""
    return (1 + strength) * ops.stop_gradient(x) - strength * x


def entropy(logits):
    """Entropy of the softmax of each row, in nats."""
    log_proba = ops.log_softmax(logits)
    return -ops.sum(ops.exp(log_proba) * log_proba, axis=1)


def cross_entropy(logits, y):
    """Cross-entropy of each row with its class index."""
    log_proba = ops.log_softmax(logits)
    return -ops.squeeze(ops.take_along_axis(log_proba, y[:, None], axis=1), axis=1)
