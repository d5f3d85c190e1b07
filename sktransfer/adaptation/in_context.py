"""Adaptation with the table network, which learns in context."""

import numpy as np

from sktransfer._large_arrays import take_rows
from sktransfer._warnings import warn_user
from sktransfer.adaptation.default import Auto
from sktransfer.adaptation.methods.source_only import SourceOnly


def chooses(method, recipe):
    """Return whether labels of the target decide which samples are the context.

    Parameters
    ----------
    method : AdaptationMethod
        Method of the estimator.
    recipe : str or Recipe
        Recipe of the estimator.

    Returns
    -------
    bool
    """
    order = getattr(recipe, "order", recipe)
    return isinstance(method, Auto) and order in ("auto", "in_context")


def check_method(method, order, samples):
    """Raise ValueError if a method or a recipe needs gradient steps.

    Unlabeled samples of the target are not used; a warning says so.

    Parameters
    ----------
    method : AdaptationMethod
        Method of the estimator.
    order : str
        Order of the recipe.
    samples : DomainSamples
        Samples of both domains.
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
    if samples.n_unlabeled and isinstance(method, Auto):
        advice = "Use backbone='mlp', which does"
        if not samples.n_labeled_target:
            advice += ", or target_labels='use' with labels of some of them"
        warn_user(
            "backbone='tabular' learns from labeled samples only, so it does not adapt "
            f"to the {samples.n_unlabeled} unlabeled samples of the target. {advice}. "
            "method='source_only' does the same without this warning."
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
    return {
        "method_": SourceOnly(),
        "target_prior_": prior,
        "source_weights_": weights,
    }
