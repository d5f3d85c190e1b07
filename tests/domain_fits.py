"""What tests of adaptation methods share: quick fits, and what holds for each."""

import numpy as np

from sktransfer import DomainAdaptedClassifier
from sktransfer.datasets import make_shifted_classification

# Class labels of target rows that are no labels.
GARBAGE = np.array(["no", None, float("nan"), -7, "1", b"?"], dtype=object)


def fit(method, X, y, sample_domain, **parameters):
    """Fit with a fixed seed."""
    defaults = {"random_state": 0, "epochs": 3}
    model = DomainAdaptedClassifier(method=method, **(defaults | parameters))
    return model.fit(X, y, sample_domain=sample_domain)


def moons(seed=0, n=60, **options):
    return make_shifted_classification(n, kind="moons", random_state=seed, **options)


def arrays_of(model):
    return [*model.backbone_.weights, *model.backbone_.head]


def are_same(model, other):
    """Whether two fitted networks have the same bits."""
    return all(map(np.array_equal, arrays_of(model), arrays_of(other)))


def with_garbage(y, sample_domain):
    """Labels with those of the target replaced."""
    y = y.astype(object)
    target = np.flatnonzero(sample_domain < 0)
    y[target] = np.resize(GARBAGE, len(target))
    return y


def fit_read_only(method, X, y, sample_domain, **parameters):
    """Fit on arrays that cannot be written to; check that they are as before."""
    given = [X.copy(), y.copy(), sample_domain.copy()]
    for array in given:
        array.flags.writeable = False
    model = fit(method, *given, **parameters)
    for array, original in zip(given, (X, y, sample_domain), strict=True):
        assert array.tobytes() == original.tobytes()
    return model
