"""Parameters of training: values where the user named none, and which were named."""

# Each default of an estimator is None, so that any other value is named by the user.
# These are the values of None for all networks that do not have other ones.
DEFAULTS = {
    "frozen_depth": 0,
    "learning_rate": 1e-3,
    "head_learning_rate": None,
    "layer_decay": 1.0,
    "optimizer": "adamw",
    "weight_decay": 1e-4,
    "l2_sp": 0.0,
    "label_smoothing": 0.0,
    "batch_size": 32,
    "epochs": 50,
    "early_stopping": False,
    "validation_fraction": 0.1,
    "n_iter_no_change": 10,
    "tol": 1e-4,
}


def named_parameters(estimator):
    """List the parameters of training that the user named.

    Parameters
    ----------
    estimator : estimator
        Its parameter `recipe` is not among them.

    Returns
    -------
    list of str
    """
    # `scoring` has no effect without early stopping.
    return [
        name
        for name in (*DEFAULTS, "callbacks")
        if getattr(estimator, name) is not None
    ]


def training_parameters(estimator, own_defaults, validation=None):
    """Return the values of all parameters of training in a fit.

    Parameters
    ----------
    estimator : estimator
        Its parameters come first.
    own_defaults : dict
        Values of the network for the parameters that the user did not name.
    validation : Samples or None, default=None
        Validation set of the user, who wants early stopping then.

    Returns
    -------
    dict
        Value by name, for the names in `DEFAULTS`.
    """
    values = DEFAULTS | own_defaults
    if validation is not None:
        values["early_stopping"] = True
    named = {name: getattr(estimator, name) for name in DEFAULTS}
    return {
        name: values[name] if value is None else value for name, value in named.items()
    }
