"""Optimizers, learning-rate schedules and learning rates of layers."""

import keras
import numpy as np
import tensorflow as tf

from sktransfer._caches import cached
from sktransfer._suggestions import did_you_mean
from sktransfer.training.plan.planned_rate import PlannedRate

# Three wrappers, an optimizer that depends on the kinds of layers, and one whose state
# starts as a copy of the weights.
_NOT_SUPPORTED = (
    "Optimizer",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "ScheduleFreeAdamW",
)


def serialize_optimizer(optimizer):
    """Convert the parameter `optimizer` to plain data.

    Parameters
    ----------
    optimizer : str or keras.optimizers.Optimizer
        Name, or instance whose learning rate and weight decay are not used.

    Returns
    -------
    dict
        Serialized optimizer with fixed values of learning rate and weight decay.
    """
    classes = {
        name.lower(): cls
        for name, cls in vars(keras.optimizers).items()
        if isinstance(cls, type)
        and issubclass(cls, keras.Optimizer)
        and name not in _NOT_SUPPORTED
    }
    if isinstance(optimizer, str):
        cls = classes.get(optimizer.lower())
        if cls is None:
            raise ValueError(
                f"optimizer={optimizer!r} is not the name of an optimizer."
                f"{did_you_mean(optimizer, classes)} Expected one of {sorted(classes)}"
                " or a keras.optimizers.Optimizer."
            )
        return _serialize_default(cls)
    elif type(optimizer).__name__ in _NOT_SUPPORTED:
        raise ValueError(
            f"optimizer={type(optimizer).__name__} is not supported; expected one of "
            f"{sorted(classes)} or another keras.optimizers.Optimizer."
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
    # Each fit sets the rate and the decay, and Keras adds numbers to names. Compiled
    # steps must not depend on them.
    fixed = {"learning_rate": 0.0, "weight_decay": 0.0, "name": "optimizer"}
    return config | {"config": config["config"] | fixed}


def check_learning_rate(learning_rate):
    """Raise an error unless it is a positive float or a Keras schedule."""
    if isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        return
    if isinstance(learning_rate, bool) or not isinstance(
        learning_rate, (int, float, np.number)
    ):
        raise TypeError(
            f"learning_rate={learning_rate!r} is of type "
            f"{type(learning_rate).__name__}; expected a float above 0 or a "
            "keras.optimizers.schedules.LearningRateSchedule."
        )
    if not 0 < learning_rate < np.inf:
        raise ValueError(f"learning_rate={learning_rate!r}; expected a float above 0.")


def step_rates(learning_rate, start, n_steps):
    """Compute the learning rates of consecutive gradient steps.

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
    """Compute the learning rates of each group of variables.

    Parameters
    ----------
    rates : ndarray of shape (n_steps,)
        Learning rates of the backbone, before the decay by layers.
    n_trained : int
        Number of trained layers of the backbone.
    head_rate : float, ndarray of shape (n_steps,) or None
        Learning rates of the head. None uses `rates`.
    layer_decay : float
        Factor from the learning rate of a layer to that of the layer before it.

    Returns
    -------
    ndarray of shape (n_steps, n_groups)
        One column for each layer, from input to output, and one for the head. If
        `layer_decay` is 1, one for the backbone and one for the head.
    """
    if layer_decay == 1:
        factors = np.ones(1)
    else:
        factors = layer_decay ** np.arange(n_trained, 0, -1)
    head = rates if head_rate is None else np.full_like(rates, head_rate)
    return np.column_stack([np.outer(rates, factors), head])
