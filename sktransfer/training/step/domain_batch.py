"""Batches and gradient steps of an adaptation method."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DomainBatch:
    """Features and logits of a batch of source samples and one of target samples.

    Attributes
    ----------
    source_features, target_features : tensor of shape (n, n_features)
        Inputs of the head. A batch of the target alone has no source.
    source_logits, target_logits : tensor of shape (n, n_classes)
        Outputs of the head.
    source_y : tensor of shape (n,), int32
        Class indices of the source samples. There are none of the target samples.
    head : callable
        The head: from features to logits.
    target_pseudo_y : tensor of shape (n,), int32, or None
        Class indices that the method computed for the target samples.
    """

    source_features: Any
    target_features: Any
    source_logits: Any
    target_logits: Any
    source_y: Any
    head: Callable | None = None
    target_pseudo_y: Any = None


@dataclass(frozen=True)
class Phase:
    """One gradient step on a batch.

    Attributes
    ----------
    loss : callable
        As ``AdaptationMethod.loss``.
    trains : {"all", "features", "heads", "normalization"}, default="all"
        Which weights the step trains: all that are not frozen; of these the backbone
        alone; the head and the networks of the method; or the scales and shifts of
        BatchNormalization.
    cross_entropy : bool, default=True
        Whether the cross-entropy of the source samples is added.
    """

    loss: Callable
    trains: str = "all"
    cross_entropy: bool = True


def domain_batch(features, logits, y, head, n_source):
    """Make the batch of a method from the outputs of the network.

    Parameters
    ----------
    features, logits : tensor of shape (n, ...)
        Inputs and outputs of the head: source samples first, then target samples.
    y : tensor of shape (n_source,) or, without a source, (n,)
        Class indices of the source samples, or pseudo-labels of the target.
    head : callable
        The head.
    n_source : int
        Number of source samples; 0 where all are of the target.

    Returns
    -------
    DomainBatch
    """
    if n_source == 0:
        return DomainBatch(None, features, None, logits, None, head, y)
    parts = features[:n_source], features[n_source:], logits[:n_source]
    return DomainBatch(*parts, logits[n_source:], y, head)
