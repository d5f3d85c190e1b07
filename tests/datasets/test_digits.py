import random

import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from sktransfer.datasets import load_shifted_digits

KINDS = ["translated", "inverted", "rotated", "thickened"]


def global_state():
    """NumPy's and Python's global random states."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return (name, keys.tolist(), rest, random.getstate())


@pytest.mark.parametrize("kind", KINDS)
def test_shapes(kind):
    X, y, sample_domain = load_shifted_digits(kind, random_state=0)
    assert X.shape == (1797, 64)
    assert X.min() >= 0
    assert X.max() <= 1
    assert np.issubdtype(y.dtype, np.integer)
    assert set(sample_domain) == {0, -1}
    for domain in (0, -1):
        counts = np.bincount(y[sample_domain == domain])
        assert len(counts) == 10
        assert counts.min() > 80


@pytest.mark.parametrize("kind", KINDS)
def test_source_only_fails_where_a_target_model_does_not(kind):
    X, y, sample_domain = load_shifted_digits(kind, random_state=0)
    source, target = sample_domain >= 0, sample_domain < 0
    model = MLPClassifier(
        (64,), learning_rate_init=0.01, early_stopping=True, random_state=0
    )
    source_only = model.fit(X[source], y[source]).score(X[target], y[target])
    neighbors = KNeighborsClassifier(3)
    trained = cross_val_score(neighbors, X[target], y[target], cv=3).mean()
    assert trained > 0.8
    assert source_only < trained - 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_source_is_half_of_the_digits_as_they_are(kind):
    X, y, sample_domain = load_shifted_digits(kind, random_state=0)
    rows = {
        (row.tobytes(), label)
        for row, label in zip(
            load_digits().data / 16, load_digits().target, strict=True
        )
    }
    source = sample_domain >= 0
    drawn = {
        (row.tobytes(), label) for row, label in zip(X[source], y[source], strict=True)
    }
    assert len(drawn) == source.sum()
    assert drawn < rows


def target_images(kind):
    """Changed images, and what they were: inverting keeps all of each image."""
    X, _, sample_domain = load_shifted_digits(kind, random_state=0)
    before, _, _ = load_shifted_digits("inverted", random_state=0)
    target = sample_domain < 0
    return X[target].reshape(-1, 8, 8), 1 - before[target].reshape(-1, 8, 8)


def test_translated_moves_dims_and_adds_noise():
    after, before = target_images("translated")
    expected = 0.5 * before[:, :, :-1]
    difference = after[:, :, 1:] - expected
    bright = expected > 0.25
    assert abs(difference[bright].mean()) < 0.01
    assert 0.08 < difference[bright].std() < 0.12


def test_thickened_takes_the_greatest_of_a_pixel_and_its_neighbors():
    after, before = target_images("thickened")
    padded = np.pad(before, ((0, 0), (1, 1), (1, 1)))
    expected = np.max(
        [
            padded[:, 1:-1, 1:-1],
            padded[:, :-2, 1:-1],
            padded[:, 2:, 1:-1],
            padded[:, 1:-1, :-2],
            padded[:, 1:-1, 2:],
        ],
        axis=0,
    )
    np.testing.assert_array_equal(after, expected)


def test_rotated_turns_each_image_by_its_own_angle():
    after, before = target_images("rotated")
    angles = np.arange(10, 51)
    best = []
    for one, other in zip(after[:20], before[:20], strict=True):
        errors = [
            np.abs(ndimage.rotate(other, a, reshape=False, order=1) - one).sum()
            for a in angles
        ]
        best.append(angles[np.argmin(errors)])
    assert min(best) >= 19
    assert max(best) <= 41
    assert len(set(best)) > 5


@pytest.mark.parametrize("kind", KINDS)
def test_deterministic_and_global_state_untouched(kind):
    first = load_shifted_digits(kind, random_state=3)
    state = global_state()
    second = load_shifted_digits(kind, random_state=3)
    load_shifted_digits(kind)
    assert global_state() == state
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first[1], load_shifted_digits(kind, random_state=4)[1])


def test_bad_kind():
    with pytest.raises(ValueError, match=r"'kind'.*'torn'"):
        load_shifted_digits("torn")
