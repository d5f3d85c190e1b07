import random

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from sktransfer.datasets import make_shifted_classification

KINDS = ["covariate", "label", "concept", "subspace", "moons"]
MEASURED_BY_SHIFT = ["covariate", "label", "concept"]


def domains(**parameters):
    """(X, y) of the source and of the target."""
    X, y, sample_domain = make_shifted_classification(**parameters)
    source = sample_domain >= 0
    return (X[source], y[source]), (X[~source], y[~source])


def global_state():
    """NumPy's and Python's global random states."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return (name, keys.tolist(), rest, random.getstate())


@pytest.mark.parametrize("kind", KINDS)
def test_shapes(kind):
    X, y, sample_domain = make_shifted_classification(50, kind=kind, random_state=0)
    assert X.shape == (100, 2)
    assert X.dtype == np.float64
    assert y.shape == sample_domain.shape == (100,)
    assert np.issubdtype(y.dtype, np.integer)
    assert np.issubdtype(sample_domain.dtype, np.integer)
    assert [list(values) for values in np.unique_counts(sample_domain)] == [
        [-1, 0],
        [50, 50],
    ]
    for domain in (0, -1):
        assert set(y[sample_domain == domain]) == {0, 1}


@pytest.mark.parametrize("kind", KINDS)
def test_source_only_fails_where_a_target_model_does_not(kind):
    source_only, trained = [], []
    for seed in range(2):
        source, target = domains(kind=kind, random_state=seed)
        model = MLPClassifier(
            (8,), solver="lbfgs", alpha=1, max_iter=500, random_state=0
        )
        source_only.append(model.fit(*source).score(*target))
        trained.append(cross_val_score(KNeighborsClassifier(), *target, cv=3).mean())
        assert cross_val_score(KNeighborsClassifier(), *source, cv=3).mean() > 0.85
    assert np.mean(source_only) < 0.75
    assert np.mean(trained) > np.mean(source_only) + 0.2


def test_label_shift_keeps_the_ranking():
    (X_source, y_source), (X, y) = domains(kind="label", random_state=0)
    model = MLPClassifier((16,), solver="lbfgs", alpha=1.0, random_state=0)
    model.fit(X_source, y_source)
    assert model.score(X, y) < 0.7
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.85


def test_covariate_shift_keeps_the_classes_where_they_are():
    """A model of both domains is right on both, with no knowledge of the domain."""
    X, y, _ = make_shifted_classification(kind="covariate", random_state=0)
    assert cross_val_score(KNeighborsClassifier(), X, y, cv=3).mean() > 0.9


@pytest.mark.parametrize("kind", MEASURED_BY_SHIFT)
def test_no_shift_leaves_no_gap(kind):
    source, target = domains(kind=kind, shift=0, random_state=0)
    assert KNeighborsClassifier().fit(*source).score(*target) > 0.85


@pytest.mark.parametrize("kind", ["subspace", "moons"])
def test_angle_turns_the_target(kind):
    source, target = domains(kind=kind, angle=0, random_state=0)
    turned_source, turned = domains(kind=kind, angle=90, random_state=0)
    np.testing.assert_array_equal(turned_source[0], source[0])
    x, y = target[0].T
    np.testing.assert_allclose(turned[0], np.column_stack([-y, x]), atol=1e-12)


def test_subspace_is_the_diagonal():
    X, y, _ = make_shifted_classification(kind="subspace", random_state=0)
    diagonal = X.sum(axis=1, keepdims=True)
    assert cross_val_score(KNeighborsClassifier(), diagonal, y, cv=3).mean() > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_added(kind):
    calm, noisy = (
        make_shifted_classification(kind=kind, noise=noise, random_state=0)
        for noise in (0.0, 0.5)
    )
    np.testing.assert_array_equal(calm[2], noisy[2])
    assert np.abs(calm[0] - noisy[0]).max() > 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_deterministic_and_global_state_untouched(kind):
    first = make_shifted_classification(kind=kind, random_state=3)
    state = global_state()
    second = make_shifted_classification(kind=kind, random_state=3)
    make_shifted_classification(kind=kind)
    assert global_state() == state
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
    other = make_shifted_classification(kind=kind, random_state=4)
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kind": "nothing"}, "'kind'.*'nothing'"),
        ({"shift": 2}, "'shift'.*2"),
        ({"noise": -1}, "'noise'.*-1"),
        ({"n_samples": 1}, "'n_samples'.*1"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_shifted_classification(**parameters)
