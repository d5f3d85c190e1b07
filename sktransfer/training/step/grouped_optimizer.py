"""An optimizer for groups of variables with different learning rates."""

import keras
import numpy as np
import tensorflow as tf

from sktransfer._random import preserve_random_state

_NOT_DECAYED = ["bias", "beta", "gamma"]


class _OneDevice(keras.Optimizer):
    """Mixin for optimizers on one device, which updates variables one by one.

    The update of Keras sums the gradients over devices. It registers a gradient
    function in TensorFlow for each trace, which keeps the graph in memory forever.
    """

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            self.update_step(gradient, variable, learning_rate)


class GroupedOptimizer:
    """One copy of an optimizer for each group of variables.

    Parameters
    ----------
    optimizer : dict
        A serialized Keras optimizer.
    groups : list of list of keras.Variable
        Groups of variables; some may be empty.
    dtype : str
        Floating-point type of the weight decay.

    Attributes
    ----------
    variables : list of keras.Variable
        Variables of all groups.
    is_used : list of bool
        Which groups have variables.
    state_variables : list of keras.Variable
        Variables of the optimizer, such as moments.
    """

    def __init__(self, optimizer, groups, dtype):
        self.variables = [v for group in groups for v in group]
        self.is_used = [bool(group) for group in groups]
        with preserve_random_state():
            self._weight_decay = tf.Variable(0.0, dtype=dtype, trainable=False)
            config = optimizer["config"]
            # This is the norm of all gradients, not of each group.
            self._global_clipnorm = config.get("global_clipnorm")
            optimizer = optimizer | {"config": config | {"global_clipnorm": None}}
            self._groups = [group for group in groups if group]
            self._members = [self._make_member(optimizer, g) for g in self._groups]
            # Each member counts its own steps.
            self._iterations = keras.Variable(0, dtype="int64", trainable=False)
        self.state_variables = [
            *(v for member in self._members for v in member.variables),
            self._iterations,
        ]
        self._initial = [_without_zeros(v.numpy()) for v in self.state_variables]

    def _make_member(self, config, variables):
        cls = getattr(keras.optimizers, config["class_name"], None)
        if cls is None:
            cls = type(keras.optimizers.deserialize(config))
        member = type(cls.__name__, (cls, _OneDevice), {}).from_config(config["config"])
        member.exclude_from_weight_decay(var_names=_NOT_DECAYED)
        member.weight_decay = self._weight_decay
        member.build(variables)
        return member

    def start(self, *, weight_decay, state=None):
        """Reset the optimizer, or set it to an earlier state.

        Parameters
        ----------
        weight_decay : float
            Decoupled weight decay of kernels.
        state : list of ndarray or None
            Result of :meth:`state`. None resets the optimizer.
        """
        self._weight_decay.assign(weight_decay)
        for variable, value in zip(
            self.state_variables, state or self._initial, strict=True
        ):
            variable.assign(value)

    def state(self):
        """Return the values of the variables of the optimizer, a list of ndarray."""
        return [variable.numpy() for variable in self.state_variables]

    @property
    def averages(self):
        """Whether the optimizer has moving averages of the variables."""
        return any(member.use_ema for member in self._members)

    def finalize(self):
        """Set the variables to their moving averages."""
        for member, group in zip(self._members, self._groups, strict=True):
            # There are no averages before the first step.
            if member.iterations.numpy():
                member.finalize_variable_values(group)

    @property
    def n_steps(self):
        """Number of gradient steps since the optimizer was reset."""
        return int(self._iterations.numpy())

    def set_rates(self, rates):
        """Set the learning rate of each group that has variables.

        Parameters
        ----------
        rates : tensor of shape (n_used,)
        """
        for k, member in enumerate(self._members):
            member.learning_rate.assign(tf.cast(rates[k], tf.float32))

    def apply(self, gradients, chosen=None):
        """Make a gradient step.

        Parameters
        ----------
        gradients : list of tensor
            Gradient of each of `variables`.
        chosen : set of int or None, default=None
            Values of ``id`` of the variables to change. None changes all.
        """
        if self._global_clipnorm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self._global_clipnorm)
        gradient_of = dict(zip(map(id, self.variables), gradients, strict=True))
        for member, group in zip(self._members, self._groups, strict=True):
            own = [v for v in group if chosen is None or id(v) in chosen]
            if own:
                member.apply([gradient_of[id(v)] for v in own], own)
        if chosen is None:
            self._iterations.assign_add(1)


def _without_zeros(array):
    """Return the array, or an equal array of zeros that needs almost no memory."""
    if array.any():
        return array
    return np.broadcast_to(np.zeros((), array.dtype), array.shape)
