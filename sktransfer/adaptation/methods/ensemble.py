"""Ensemble: one network that has learned the mean prediction of several methods."""

import numpy as np

from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.methods.dan import DAN
from sktransfer.adaptation.methods.mcc import MCC
from sktransfer.adaptation.methods.shot import SHOT
from sktransfer.adaptation.parameter_checks import COUNT, check_methods
from sktransfer.exceptions import NonFiniteLossError


class Ensemble(AdaptationMethod):
    r"""Learn the mean prediction of several methods for the target.

    Each method trains a network of its own. For a target sample, the mean of their
    class probabilities is

    .. math:: \overline{p} = \frac{1}{M} \sum_m p_m

    The network whose predicted classes agree most with it is then trained further on
    the target alone, with the cross-entropy of :math:`\overline{p}` (distillation
    [1]_). So the result is one network.

    Methods fail in different ways, so their mean fails less often than the best of
    them on the source. It helps if most of them help. The network is for the target
    only. The time is that of all methods and of one more training.

    Parameters
    ----------
    trade_off : float, default=1.0
        0 disables adaptation. Other values have no effect, because each method has its
        own.
    methods : list of AdaptationMethod or None, default=None
        The methods. None is :class:`DAN`, :class:`MCC` and :class:`SHOT`.
    epochs : int or None, default=None
        Number of epochs on the target. None is that of the estimator.

    References
    ----------
    .. [1] Hinton, Vinyals & Dean (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531
    """

    _parameter_constraints = {"methods": [tuple, list, None], "epochs": [COUNT, None]}

    def __init__(self, trade_off=1.0, *, methods=None, epochs=None):
        self.trade_off = trade_off
        self.methods = methods
        self.epochs = epochs

    def check_parameters(self):
        """Check the parameters, and those of the methods."""
        super().check_parameters()
        check_methods(self, "methods", self.methods)
        if self.methods is not None and len(self.methods) == 0:
            raise ValueError(
                f"The 'methods' parameter of Ensemble is {self.methods!r}; expected at "
                "least one method, such as [DAN(), SHOT()]."
            )

    def members(self):
        """List the methods."""
        return [DAN(), MCC(), SHOT()] if self.methods is None else list(self.methods)

    def adapt(self, task):
        """Train all methods, then one network; see the base class."""
        return self.combine(task, train_all(task, self.members()))

    def combine(self, task, fits):
        """Train a network on the mean prediction of some fits.

        Parameters
        ----------
        task : DomainTask
            Trains the network.
        fits : list of FitResult
            Fits of the methods.

        Returns
        -------
        FitResult
        """
        proba = [task.proba(fit, task.target) for fit in fits]
        mean = np.mean(proba, axis=0)
        predicted = mean.argmax(axis=1)
        agreement = [(p.argmax(axis=1) == predicted).mean() for p in proba]
        start = fits[int(np.argmax(agreement))]
        fit = task.distill(start, mean, epochs=self.epochs)
        # Those of the start are of another method.
        return fit.replace(attributes={})


def train_all(task, methods):
    """Train by several methods; those whose loss is not finite are left out.

    Parameters
    ----------
    task : DomainTask
        Trains the networks.
    methods : list of AdaptationMethod
        The methods.

    Returns
    -------
    list of FitResult

    Raises
    ------
    NonFiniteLossError
        If no method is left.
    """
    fits, failure = [], None
    for method in methods:
        try:
            fits.append(method.adapt(task))
        except NonFiniteLossError as error:
            failure = error
    if not fits:
        raise failure
    return fits
