"""Where a fit starts from: a backbone with its weights, classes, perhaps a head."""

from typing import NamedTuple

import numpy as np

from sktransfer._inputs.samples import learns_in_context
from sktransfer.exceptions import BackboneError


class StartingPoint(NamedTuple):
    """What a fit starts from.

    Attributes
    ----------
    backbone : Backbone
        With its starting weights.
    classes : ndarray of shape (n_classes,)
        Labels of the head's columns.
    has_head : bool
        Whether the backbone's head is the one to start from.
    from_scratch : bool
        Whether no fit before this one, nor a source, trained the weights.
    """

    backbone: object
    classes: np.ndarray
    has_head: bool
    from_scratch: bool


def find_start(estimator, rows, labels, rng, *, class_weighted, going_on, is_target):
    """Find what a fit of an estimator starts from.

    Parameters
    ----------
    estimator : FittedByFineTuning
        Its parameters say where to start; its fitted attributes too, if `going_on`.
    rows : tuple
        X, index, y and sample_weight of the training set, as checked.
    labels : ndarray
        The labels that `y` has.
    rng : numpy.random.Generator
        Draws fresh weights.
    class_weighted : ndarray of shape (n,)
        The sample weights multiplied by those of the classes.
    going_on : bool
        Whether the fitted weights are the start.
    is_target : ndarray of shape (n,), bool, or None
        Which rows are of a target, if there is one.

    Returns
    -------
    StartingPoint

    Raises
    ------
    BackboneError
        When a parameter does not go with the backbone.
    ValueError
        When the head to keep has other classes.
    """
    if learns_in_context(estimator):
        classes = estimator.classes_ if going_on else labels
        X, index, y, _ = rows
        backbone = _put_in_context(
            estimator,
            (X, index, np.searchsorted(classes, y), class_weighted),
            len(classes),
            rng,
            going_on=going_on,
            is_target=is_target,
        )
        return StartingPoint(backbone, classes, has_head=True, from_scratch=False)
    if going_on:
        return StartingPoint(
            estimator.backbone_,
            estimator.classes_,
            has_head=True,
            from_scratch=estimator._from_scratch,
        )
    backbone = _resolve_backbone(estimator, rows, rng)
    return StartingPoint(
        backbone,
        _choose_classes(estimator, backbone, labels),
        has_head=estimator.head == "keep",
        from_scratch=not backbone.pretrained,
    )


def _put_in_context(estimator, rows, n_classes, rng, *, going_on, is_target):
    """Make the backbone of a fit that learns in context."""
    from sktransfer.tables.in_context.context import in_context_backbone, network_of
    from sktransfer.tables.in_context.pretrained import network_weights

    for name in ("feature_layer", "preprocess"):
        value = getattr(estimator, name)
        if value not in ("auto", None):
            raise BackboneError(
                f"{name}={value!r} does not go with backbone='tabular'; expected "
                "'auto'."
            )
    if estimator.weights == "imagenet":
        raise BackboneError(
            "weights='imagenet' does not go with backbone='tabular'; expected "
            "'auto', None or the path of a weights file."
        )
    seed = int(rng.integers(2**31))
    if going_on:
        network = network_of(estimator.backbone_)
    else:
        network = network_weights(estimator.weights, seed)
    X, index, y, sample_weight = rows
    backbone = in_context_backbone(
        X.reshape(len(X), -1),
        index,
        y,
        sample_weight,
        n_classes,
        network,
        rng,
        is_target=is_target,
        nominal=estimator._columns.nominal,
    )
    return backbone.replace(pretrained=estimator.weights is not None)


def _resolve_backbone(estimator, rows, rng):
    """Find the backbone of a new fit, with its starting weights."""
    X, index, _, sample_weight = rows
    seed = int(rng.integers(2**31))
    if isinstance(estimator.backbone, str) and estimator.backbone == "mlp":
        from sktransfer.tables.by_steps import make_mlp

        if estimator.weights not in ("auto", None):
            raise BackboneError(
                f"weights={estimator.weights!r} does not go with backbone='mlp', whose "
                "width follows the data; pass a fitted estimator's backbone_."
            )
        return make_mlp(X.reshape(len(X), -1), index, sample_weight, rng)
    from sktransfer.backbones.sources import resolve

    return resolve(
        estimator.backbone,
        weights=estimator.weights,
        feature_layer=estimator.feature_layer,
        preprocess=estimator.preprocess,
        row_shape=X.shape[1:],
        seed=seed,
    )


def _choose_classes(estimator, backbone, labels):
    """Labels of the head's columns, from those of the training set."""
    if estimator.head == "new":
        return labels
    if backbone.head is None:
        raise ValueError(
            "head='keep' needs a backbone that ends in a Dense classification "
            f"layer; {backbone.name!r} has none at "
            f"feature_layer={estimator.feature_layer!r}. Use head='new'."
        )
    n_columns = len(backbone.head[1])
    if backbone.classes is not None:
        classes = backbone.classes
    elif len(labels) == n_columns:
        classes = labels
    else:
        classes = np.arange(n_columns)
    if not np.isin(labels, classes).all():
        raise ValueError(
            f"head='keep' keeps {n_columns} classes, {classes.tolist()}; the "
            f"labels are {labels.tolist()}. Use head='new'."
        )
    return classes
