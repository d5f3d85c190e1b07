"""A classifier for two domains that trains quickly, and the methods by name."""

import numpy as np
from networks import two_layers, with_batch_normalization

from sktransfer import DomainAdaptedClassifier
from sktransfer.adaptation import registry

METHODS = [*registry.METHODS]
NEEDS_LABELS = ("mme", "stacking")
# Those that work on the statistics, scales and shifts of batch normalization.
_NORMALIZATION = ("adabn", "tent")


def make_adapted(method="dann", **parameters):
    """Make a small, quick classifier, with a backbone that suits the method."""
    name = method if isinstance(method, str) else ""
    network = with_batch_normalization if name in _NORMALIZATION else two_layers
    defaults = {"backbone": network, "epochs": 3, "random_state": 0}
    return DomainAdaptedClassifier(method=method, **(defaults | parameters))


def method_of(name, **parameters):
    """Make the method of a name."""
    return registry.method_class(name)(**parameters)


def bits(estimator):
    """Trained weights as bytes."""
    return b"".join(np.asarray(array).tobytes() for array in estimator.weights_)
