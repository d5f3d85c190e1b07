"""Networks of an adaptation method, which are trained together with the head."""

import numpy as np

from sktransfer._random import preserve_random_state


class MethodNetworks:
    """The networks of a method, and the model that computes their inputs.

    Parameters
    ----------
    program : Program
        Program that is trained.
    method : AdaptationMethod or None
        Adaptation method. None has no networks.

    Attributes
    ----------
    models : list of keras.Model
        Result of ``method.build``.
    outputs : keras.Model or None
        Computes features and logits.
    variables, trainable : list of keras.Variable
        All variables of the networks, and those that are trained.
    """

    def __init__(self, program, method):
        self.models, self.outputs = [], None
        if method is not None:
            with preserve_random_state():
                self.outputs = program.features_and_logits()
                n_features, n_classes = (t.shape[-1] for t in self.outputs.outputs)
                self.models = method.build(n_features, n_classes, dtype=program.dtype)
        self.variables = [v for model in self.models for v in model.variables]
        self.trainable = [v for model in self.models for v in model.trainable_variables]
        self._initial = self.get()

    def draw(self, rng):
        """Draw new kernels (Glorot uniform), and reset the other weights."""
        values = []
        for value in self._initial:
            if value.ndim > 1:
                limit = np.sqrt(6 / (value.shape[-2] + value.shape[-1]))
                value = rng.uniform(-limit, limit, value.shape)
            values.append(value)
        self.set(values)

    def set(self, values):
        """Set the weights."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)

    def get(self):
        """Return the weights as a list of ndarray."""
        return [variable.numpy() for variable in self.variables]
