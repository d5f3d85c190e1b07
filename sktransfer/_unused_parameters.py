"""Warnings about parameters that were set and have no effect."""

from sktransfer._warnings import warn_user

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


def warn_of_unused(estimator, source, order, backbone, *, is_warm):
    """Warn once about all parameters that were set and have no effect.

    There is no warning about parameters of gradient steps if the user set
    ``recipe="in_context"``: a search may have other recipes too.

    Parameters
    ----------
    estimator : estimator
        Estimator before the fit.
    source : Source
        Source of its parameter `backbone`.
    order : str
        Order of the recipe, not "auto".
    backbone : Backbone
        Network that training starts from.
    is_warm : bool
        Whether training starts from the weights of an earlier fit.
    """
    is_default_recipe = getattr(estimator.recipe, "order", estimator.recipe) == "auto"
    has_new_head = estimator.head == "new" and not is_warm
    rules = [
        (
            order == "in_context" and is_default_recipe,
            ("frozen_depth", *_STEP_PARAMETERS),
            "has no effect: with backbone='tabular', recipe='auto' learns in context, "
            "without gradient steps. Use recipe='full' to fine-tune the network, or "
            "backbone='mlp' to train one from scratch.",
        ),
        (
            order == "linear_probe" and has_new_head and not source.learns_in_context,
            ("frozen_depth", *_STEP_PARAMETERS),
            "has no effect: recipe='linear_probe' solves the head without gradient "
            "steps, on a frozen backbone. Use recipe='lp_ft' or 'full' to train by "
            "gradient steps.",
        ),
        (
            not source.uses_options,
            ("feature_layer", "preprocess"),
            f"has no effect with backbone={estimator.backbone!r}, whose features are "
            "the outputs of its last hidden layer.",
        ),
        (
            order != "linear_probe" and not (backbone.pretrained or is_warm),
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
    default = type(estimator)().get_params(deep=False)
    value = estimator.get_params(deep=False)
    return ", ".join(
        f"{name}={value[name]!r}"
        for name in names
        if not (value[name] is default[name] or value[name] == default[name])
    )
