"""The fit of DomainAdaptedClassifier: adaptation, and a check of its result."""

import numpy as np
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from sktransfer._warnings import warn_user
from sktransfer.adaptation.methods.source_only import SourceOnly
from sktransfer.adaptation.task import DomainTask
from sktransfer.training.fine_tune import fine_tune

# A class with so many expected samples should be predicted at least once.
_EXPECTED_SAMPLES = 10


def adapt(method, data, task, stages):
    """Train a network for a target by an adaptation method.

    Parameters
    ----------
    method : AdaptationMethod
        Adaptation method.
    data : DomainSamples
        Samples of the target, and domains.
    task : FitTask
        The fit on the labeled samples.
    stages : list of Stage
        Stages of the recipe.

    Returns
    -------
    FitResult
        Its attributes have the fitted attributes of the method.
    """
    attributes = {
        "method": method,
        "decision": None,
        "target_prior": None,
        "source_weights": np.ones(len(task.samples)),
    }
    if not data.has_target:
        fit = fine_tune(task, stages)
    else:
        target, target_domains = data.target(task.samples.X, task.backbone, task.dtype)
        domain_task = DomainTask(task, stages, target, data.domains, target_domains)
        is_adapted = method.trade_off != 0
        fit = method.adapt(domain_task) if is_adapted else domain_task.source_fit
        logits = domain_task.logits(fit, target)
        attributes["target_prior"] = softmax(logits, axis=1).mean(axis=0)
        if is_adapted and not isinstance(method, SourceOnly):
            _warn_of_failure(method, fit, logits.argmax(axis=1), task)
    attributes |= fit.attributes
    weights = np.zeros(len(task.samples.X))
    weights[task.samples.index] = attributes["source_weights"]
    return fit.replace(attributes=attributes | {"source_weights": weights})


def _warn_of_failure(method, fit, predicted, task):
    """Warn if the loss or the predictions show that adaptation has failed."""
    n_classes, samples = task.head.n_units, task.samples
    losses = [e["loss"] for e in fit.history if e["stage"] != "target"]
    reasons = []
    if losses[-1] > np.log(n_classes):
        reasons.append(
            f"the loss on the source is {losses[-1]:.3g} at the end, above the "
            f"{np.log(n_classes):.3g} of random guesses, so training has diverged"
        )
    prior = np.bincount(samples.y, samples.sample_weight, n_classes)
    expected = len(predicted) * prior / prior.sum()
    n_predicted = np.bincount(predicted, minlength=n_classes)
    n_missing = int(((n_predicted == 0) & (expected >= _EXPECTED_SAMPLES)).sum())
    if n_missing:
        reasons.append(
            f"{n_missing} of {n_classes} classes are never predicted, but should have "
            f"{_EXPECTED_SAMPLES} or more samples each by the class prior of the "
            "source: the target lacks these classes, or the predictions have collapsed"
        )
    if reasons:
        warn_user(
            f"Adapting by {method} looks wrong: {'; '.join(reasons)}. Compare with "
            "method='source_only', or use a smaller trade_off or learning_rate.",
            ConvergenceWarning,
        )
