"""Warnings about parameters that were set and have no effect."""

import inspect

from sktransfer._warnings import warn_user
from sktransfer.training.plan.stages import plan_task

# Parameters of gradient steps.
_STEP_PARAMETERS = (
    "learning_rate",
    "head_learning_rate",
    "layer_decay",
    "optimizer",
    "weight_decay",
    "l2_sp",
    "label_smoothing",
    "batch_size",
    "epochs",
    "early_stopping",
    "callbacks",
)


def warn_of_unused(estimator, source, task):
    """Warn once about all parameters that were set and have no effect.

    There is no warning about parameters of gradient steps if the user set
    ``recipe="in_context"``: a search may have other recipes too.

    Parameters
    ----------
    estimator : estimator
        Estimator before the fit.
    source : Source
        Source of its parameter `backbone`.
    task : FitTask
        The fit.
    """
    order = task.order
    is_default_recipe = getattr(estimator.recipe, "order", estimator.recipe) == "auto"
    is_solved = not (
        source.learns_in_context
        or task.one_epoch
        or any(stage.epochs for stage in plan_task(task))
    )
    # What a fit chooses for "auto" may use them or not.
    is_named = source.backbone is estimator.backbone
    rules = [
        (
            is_named and not source.uses_n_estimators(estimator.weights),
            ("n_estimators",),
            "has no effect: it is for backbone='tabular', and for 'mlp_ensemble' "
            "without trained weights.",
        ),
        (
            is_named and not source.learns_in_context,
            ("softmax_temperature",),
            "has no effect: it is for backbone='tabular'.",
        ),
        (
            source.learns_in_context and estimator.head == "keep",
            ("softmax_temperature",),
            "has no effect: head='keep' keeps the temperature of the backbone.",
        ),
        (
            order == "in_context" and is_default_recipe,
            ("frozen_depth", *_STEP_PARAMETERS),
            f"has no effect: {type(estimator).__name__} does not fine-tune "
            "backbone='tabular', which learns in context. Use backbone='mlp'.",
        ),
        (
            is_solved and order == "linear_probe",
            ("frozen_depth", *_STEP_PARAMETERS),
            "has no effect: recipe='linear_probe' solves the head without gradient "
            "steps, on a frozen backbone. Use recipe='lp_ft' or 'full' to train by "
            "gradient steps.",
        ),
        (
            # The usual search over depths has all learning rates at each depth.
            is_solved and order != "linear_probe",
            tuple(name for name in _STEP_PARAMETERS if "learning_rate" not in name),
            f"has no effect: frozen_depth={estimator.frozen_depth!r} freezes the whole "
            f"backbone, so recipe={order!r} solves the head without gradient steps. "
            "Use a smaller frozen_depth, or recipe='full' to train the head by "
            "gradient steps.",
        ),
        (
            not source.uses_options,
            ("feature_layer", "preprocess"),
            f"has no effect with backbone={estimator.backbone!r}, whose features are "
            "the outputs of its last hidden layer.",
        ),
        (
            order != "linear_probe" and not task.is_trained and task.frozen_depth > 0,
            ("frozen_depth",),
            "freezes layers with random weights: the backbone is not pretrained. Use "
            "frozen_depth=0, or a pretrained backbone.",
        ),
    ]
    messages = [
        f"{names} {effect}"
        for applies, parameters, effect in rules
        if applies and (names := _changed(estimator, parameters))
    ]
    if messages:
        warn_user(" ".join(messages))


def _changed(estimator, names):
    """Return "name=value" of the parameters that differ from their defaults."""
    values = estimator.get_params(deep=False)
    # A subclass may have parameters without a default, and others left out.
    parameters = inspect.signature(type(estimator)).parameters
    return ", ".join(
        f"{name}={values[name]!r}"
        for name in names
        if name in values
        and values[name] is not parameters[name].default
        and values[name] != parameters[name].default
    )
