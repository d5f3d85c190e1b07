"""Optimizers, learning-rate schedules and the rates of layers."""

import keras
import numpy as np
import tensorflow as tf

from sktransfer._caches import cached
from sktransfer._suggestions import did_you_mean
from sktransfer.training.plan.planned_rate import PlannedRate

# Wrappers; one that needs to know the kinds of layers; and one whose state starts as a
# copy of the weights.
_NOT_SUPPORTED = (
    "Optimizer",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "ScheduleFreeAdamW",
)


def serialize_optimizer(optimizer):
    """Turn an optimizer as the user gives it into plain data.

    Parameters
    ----------
    optimizer : str or keras.optimizers.Optimizer
        A name such as "adamw", or an instance whose own learning rate and weight
        decay are not used.

    Returns
    -------
    dict
        Serialized optimizer with learning rate and decay put to fixed values.
    """
    known = {
        name.lower(): cls
        for name, cls in vars(keras.optimizers).items()
        if isinstance(cls, type)
        and issubclass(cls, keras.Optimizer)
        and name not in _NOT_SUPPORTED
    }
    if isinstance(optimizer, str):
        cls = known.get(optimizer.lower())
        if cls is None:
            raise ValueError(
                f"optimizer={optimizer!r} is not known.{did_you_mean(optimizer, known)}"
                f" Accepted: {sorted(known)} or a keras.optimizers.Optimizer."
            )
        return _serialize_default(cls)
    elif type(optimizer).__name__ in _NOT_SUPPORTED:
        raise ValueError(
            f"optimizer={type(optimizer).__name__} is not supported; accepted: "
            f"{sorted(known)} or another keras.optimizers.Optimizer."
        )
    elif not isinstance(optimizer, keras.Optimizer):
        raise TypeError(
            f"optimizer is of type {type(optimizer).__name__}; expected a name or a "
            "keras.optimizers.Optimizer."
        )
    return _fixed(keras.optimizers.serialize(optimizer))


@cached("optimizers by name", 1 << 20, lambda _: 1 << 10)
def _serialize_default(cls):
    return _fixed(keras.optimizers.serialize(cls()))


def _fixed(config):
    # Rate and decay are set for each fit, and Keras numbers the names it makes up;
    # none of them is to make programs differ.
    fixed = {"learning_rate": 0.0, "weight_decay": 0.0, "name": "optimizer"}
    return config | {"config": config["config"] | fixed}


def check_learning_rate(learning_rate, name="learning_rate"):
    """Raise unless a learning rate is a positive float or a Keras schedule."""
    if isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        return
    if isinstance(learning_rate, bool) or not isinstance(
        learning_rate, (int, float, np.number)
    ):
        raise TypeError(
            f"{name}={learning_rate!r} is of type {type(learning_rate).__name__}; "
            "expected a float above 0 or a "
            "keras.optimizers.schedules.LearningRateSchedule."
        )
    if not 0 < learning_rate < np.inf:
        raise ValueError(f"{name}={learning_rate!r}; expected a float above 0.")


def step_rates(learning_rate, start, n_steps):
    """Evaluate the learning rate of a run of gradient steps.

    Parameters
    ----------
    learning_rate : float, PlannedRate or Keras LearningRateSchedule
        Constant, or a function of the step.
    start, n_steps : int
        First step and number of steps.

    Returns
    -------
    ndarray of shape (n_steps,)
    """
    if not callable(learning_rate):
        return np.full(n_steps, float(learning_rate))
    if isinstance(learning_rate, PlannedRate):
        return learning_rate(np.arange(start, start + n_steps))
    steps = tf.range(start, start + n_steps)
    return (
        tf.map_fn(
            lambda step: tf.cast(learning_rate(step), tf.float32),
            steps,
            fn_output_signature=tf.float32,
        )
        .numpy()
        .astype(float)
    )


def group_rates(rates, n_trained, *, head_rate, layer_decay):
    """Give each group of variables its learning rates.

    Parameters
    ----------
    rates : ndarray of shape (n_steps,)
        Learning rates of the last layer of the backbone.
    n_trained : int
        Trained weighted layers of the backbone.
    head_rate : float, ndarray of shape (n_steps,) or None
        Learning rates of the head; None is as in `rates`.
    layer_decay : float
        Each layer learns at this factor times the rate of the layer after it.

    Returns
    -------
    ndarray of shape (n_steps, n_groups)
        One column for each layer from input to output and one for the head; or,
        when `layer_decay` is 1, one for the backbone and one for the head.
    """
    if layer_decay == 1:
        factors = np.ones(1)
    else:
        factors = layer_decay ** np.arange(n_trained, 0, -1)
    head = rates if head_rate is None else np.full_like(rates, head_rate)
    return np.column_stack([np.outer(rates, factors), head])
