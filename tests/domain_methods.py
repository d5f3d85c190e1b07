"""What every adaptation method has to do, for the tests of each."""

import numpy as np

from sktransfer import DomainAdaptedClassifier
from sktransfer.datasets import make_shifted_classification

QUICK = {"epochs": 4, "random_state": 0}


def toy(kind, seed=0, **parameters):
    """Rows of both domains, with the classes of both, and their domains."""
    return make_shifted_classification(kind=kind, random_state=seed, **parameters)


def fit(method, domains, **parameters):
    """Fit an estimator that has no labels of the target."""
    X, y, sample_domain = domains
    model = DomainAdaptedClassifier(method=method, **parameters)
    return model.fit(X, np.where(sample_domain < 0, -9, y), sample_domain=sample_domain)


def target_accuracy(model, domains):
    X, y, sample_domain = domains
    return model.score(X[sample_domain < 0], y[sample_domain < 0])


def mean_accuracies(methods, draw, seeds=range(5), **parameters):
    """Accuracy on the target of each method, as a mean over seeds."""
    found = []
    for seed in seeds:
        domains = draw(seed)
        models = [fit(m, domains, random_state=seed, **parameters) for m in methods]
        found.append([target_accuracy(model, domains) for model in models])
    return np.mean(found, axis=0)


def assert_same_network(one, other):
    pairs = zip(
        [*one.backbone_.weights, *one.backbone_.head],
        [*other.backbone_.weights, *other.backbone_.head],
        strict=True,
    )
    assert all(np.array_equal(a, b) for a, b in pairs)


def assert_off_is_source_only(method, domains, **parameters):
    """With trade_off=0."""
    parameters = QUICK | parameters
    assert_same_network(
        fit(method.set_params(trade_off=0), domains, **parameters),
        fit("source_only", domains, **parameters),
    )


def assert_reads_no_target_label_and_changes_no_input(method, domains, **parameters):
    X, y, sample_domain = (array.copy() for array in domains)
    parameters = QUICK | parameters
    model = DomainAdaptedClassifier(method=method, **parameters)
    model.fit(X, y, sample_domain=sample_domain)
    for array, before in zip((X, y, sample_domain), domains, strict=True):
        np.testing.assert_array_equal(array, before)
    garbage = np.random.default_rng(0).integers(5, 9, size=len(y))
    y[sample_domain < 0] = garbage[sample_domain < 0]
    other = DomainAdaptedClassifier(method=method, **parameters)
    assert_same_network(model, other.fit(X, y, sample_domain=sample_domain))
