"""Warnings of parameters that were set and have no effect in a combination."""

from sktransfer._warnings import warn_user

# Parameters that say how gradient steps are taken.
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
    """Warn once of all parameters that were set and have no effect.

    A recipe that is named is no reason to warn of "in_context": a search may have other
    candidates.

    Parameters
    ----------
    estimator : estimator
        Before the fit.
    source : Source
        Read from its parameter `backbone`.
    order : str
        Order of the recipe; not "auto".
    backbone : Backbone
        Where training starts.
    is_warm : bool
        Whether the weights of an earlier fit are the start.
    """
    messages = []
    is_named = getattr(estimator.recipe, "order", estimator.recipe) != "auto"
    if order == "in_context" and not is_named:
        names = _changed(estimator, ("frozen_depth", *_STEP_PARAMETERS))
        if names:
            messages.append(
                f"{names} has no effect: with backbone='tabular', recipe='auto' learns "
                "in context, without a gradient step. Use recipe='full' to fine-tune "
                "the network, or backbone='mlp' to train one from scratch."
            )
    if order == "linear_probe" and estimator.head == "new" and not is_warm:
        names = _changed(estimator, ("frozen_depth", *_STEP_PARAMETERS))
        if names and not source.learns_in_context:
            messages.append(
                f"{names} has no effect: recipe='linear_probe' solves the head without "
                "a gradient step, on a frozen backbone. Use recipe='lp_ft' or 'full' "
                "to train by gradient steps."
            )
    if not source.uses_options:
        names = _changed(estimator, ("feature_layer", "preprocess"))
        if names:
            messages.append(
                f"{names} has no effect with backbone={estimator.backbone!r}, whose "
                "features are its last hidden layer."
            )
    if order != "linear_probe" and not (backbone.pretrained or is_warm):
        names = _changed(estimator, ("frozen_depth",))
        if names:
            messages.append(
                f"{names} freezes layers with random weights: the backbone is not "
                "pretrained. Use frozen_depth=0, or a pretrained backbone."
            )
    if messages:
        warn_user(" ".join(messages))


def _changed(estimator, names):
    """Return "name=value" of the parameters that are not at their defaults."""
    default = type(estimator)().get_params(deep=False)
    value = estimator.get_params(deep=False)
    return ", ".join(
        f"{name}={value[name]!r}"
        for name in names
        if not (value[name] is default[name] or value[name] == default[name])
    )
