"""Adaptation with the table network, which learns in context."""

import numpy as np

from sktransfer._large_arrays import take_rows
from sktransfer.adaptation.default import Auto
from sktransfer.adaptation.methods.source_only import SourceOnly


def check_method(method, order):
    """Raise ValueError if a method or a recipe needs gradient steps.

    Parameters
    ----------
    method : AdaptationMethod
        Method of the estimator.
    order : str
        Order of the recipe.
    """
    if not isinstance(method, (Auto, SourceOnly)):
        raise ValueError(
            f"method={method} needs a network that is trained by gradient steps; "
            "backbone='tabular' learns in context. Use method='auto', with labels of "
            "some samples of the target if there are any, or backbone='mlp'."
        )
    if order != "in_context":
        raise ValueError(
            f"recipe={order!r} is not supported for backbone='tabular' in "
            "DomainAdaptedClassifier; expected 'auto' or 'in_context'."
        )


def attributes(samples, task, backbone, predictor):
    """Return the fitted attributes that an adaptation method sets otherwise.

    Parameters
    ----------
    samples : DomainSamples
        Samples of both domains.
    task : FitTask
        The fit.
    backbone : Backbone
        The fitted network.
    predictor : ContextPredictor
        Computes its logits.

    Returns
    -------
    dict
    """
    weights = np.zeros(len(task.samples.X))
    weights[task.samples.index] = 1.0
    prior = None
    if samples.has_target:
        target, _ = samples.target(task.samples.X, task.backbone, task.dtype)
        X = predictor.prepare(backbone, take_rows(target.X, target.index))
        logits = predictor.logits(backbone, X)
        prior = task.head.predict_proba(logits).mean(axis=0)
    return {"method_": SourceOnly(), "target_prior_": prior, "source_weights_": weights}
