"""What every adaptation method has to do, for the tests of each."""

import numpy as np
from domains import bits

from sktransfer import DomainAdaptedClassifier
from sktransfer.datasets import make_shifted_classification

QUICK = {"epochs": 4, "random_state": 0}
# Values that are no class labels, for target samples.
GARBAGE = np.array(["no", None, float("nan"), -7, "1", b"?"], dtype=object)


def toy(kind, seed=0, **parameters):
    """Rows of both domains, with the classes of both, and their domains."""
    return make_shifted_classification(kind=kind, random_state=seed, **parameters)


def fit(method, domains, **parameters):
    """Fit an estimator that has no labels of the target."""
    X, y, sample_domain = domains
    model = DomainAdaptedClassifier(method=method, **parameters)
    return model.fit(X, np.where(sample_domain < 0, -9, y), sample_domain=sample_domain)


def fit_read_only(method, domains, **parameters):
    """Fit on arrays that cannot be written to; check that they are as before."""
    X, y, sample_domain = arrays = [array.copy() for array in domains]
    for array in arrays:
        array.flags.writeable = False
    model = DomainAdaptedClassifier(method=method, **(QUICK | parameters))
    model.fit(X, y, sample_domain=sample_domain)
    for array, original in zip(arrays, domains, strict=True):
        assert array.tobytes() == original.tobytes()
    return model


def target_accuracy(model, domains):
    X, y, sample_domain = domains
    return model.score(X[sample_domain < 0], y[sample_domain < 0])


def mean_accuracies(methods, draw, seeds=range(3), **parameters):
    """Accuracy on the target of each method, as a mean over seeds."""
    accuracies = []
    for seed in seeds:
        domains = draw(seed)
        models = [fit(m, domains, random_state=seed, **parameters) for m in methods]
        accuracies.append([target_accuracy(model, domains) for model in models])
    return np.mean(accuracies, axis=0)


def assert_same_network(one, other):
    assert bits(one) == bits(other)


def assert_off_is_source_only(method, domains, **parameters):
    """With trade_off=0."""
    parameters = QUICK | parameters
    assert_same_network(
        fit(method.set_params(trade_off=0), domains, **parameters),
        fit("source_only", domains, **parameters),
    )


def assert_reads_no_target_label_and_changes_no_input(method, domains, **parameters):
    X, y, sample_domain = domains
    target = np.flatnonzero(sample_domain < 0)
    other_classes, no_classes = y.copy(), y.astype(object)
    other_classes[target] = np.random.default_rng(0).integers(5, 9, len(target))
    no_classes[target] = np.resize(GARBAGE, len(target))
    model = fit_read_only(method, domains, **parameters)
    for garbage in (other_classes, no_classes):
        other = fit_read_only(method, (X, garbage, sample_domain), **parameters)
        assert_same_network(model, other)
