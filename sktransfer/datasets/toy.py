"""make_shifted_classification: two classes in the plane, shifted in a known way."""

import numbers

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sktransfer._random import make_rng

# Highest prior of a class in a domain, at the greatest label shift.
_MAX_SHARE = 0.9


@validate_params(
    {
        "n_samples": [Interval(numbers.Integral, 2, None, closed="left")],
        "kind": [StrOptions({"covariate", "label", "concept", "subspace", "moons"})],
        "shift": [Interval(numbers.Real, 0, 1, closed="both")],
        "angle": [numbers.Real, None],
        "noise": [Interval(numbers.Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_shifted_classification(
    n_samples=300,
    *,
    kind="covariate",
    shift=1.0,
    angle=None,
    noise=0.1,
    random_state=None,
):
    """Make two classes of points whose target differs from the source by `kind`.

    A classifier trained on the source alone loses much of its accuracy on the
    target, where one trained on the target does well.

    Parameters
    ----------
    n_samples : int, default=300
        Number of rows of each domain.
    kind : {"covariate", "label", "concept", "subspace", "moons"}, \
default="covariate"
        What differs between the domains [1]_:

        - "covariate": where the rows lie, p(x); the classes are parted by one wave in
          both, and the target lies over another stretch of it.
        - "label": the classes' shares, p(y); a source model keeps its ranking and
          loses its accuracy.
        - "concept": where each class lies, p(x | y); the target's rows are moved
          halfway to where the source has the other class.
        - "subspace": the target is the source turned by `angle`; only on the diagonal
          are the classes parted alike in both, and the source shows a shorter way.
        - "moons": two half moons, turned by `angle` in the target.
    shift : float, default=1.0
        How far the target is shifted for "covariate", "label" and "concept", from 0
        (not at all) to 1.
    angle : float or None, default=None
        Degrees by which the target is turned for "subspace" and "moons"; None is 180
        for the one and 45 for the other.
    noise : float, default=0.1
        Standard deviation of the normal noise added to every row.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    X : ndarray of shape (2 * n_samples, 2), float64
        Rows of the source, then of the target.
    y : ndarray of shape (2 * n_samples,), int
        Classes 0 and 1, those of the target too.
    sample_domain : ndarray of shape (2 * n_samples,), int
        0 for the source and -1 for the target.

    References
    ----------
    .. [1] Moreno-Torres et al. (2012). A unifying view on dataset shift in
       classification. Pattern Recognition 45(1).

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sktransfer.datasets import make_shifted_classification
    >>> X, y, sample_domain = make_shifted_classification(kind="moons", random_state=0)
    >>> source, target = sample_domain >= 0, sample_domain < 0
    >>> model = KNeighborsClassifier().fit(X[source], y[source])
    >>> model.score(X[target], y[target]) < 0.8
    True
    """
    rng = make_rng(random_state)
    angle = {"subspace": 180, "moons": 45}.get(kind) if angle is None else angle
    parts = []
    for is_target in (False, True):
        moved = shift if is_target else 0.0
        if kind == "covariate":
            X, y = _wave(n_samples, moved, noise, rng)
        elif kind == "label":
            share = _MAX_SHARE - (2 * _MAX_SHARE - 1) * moved
            X, y = _overlapping(_labels(n_samples, 1 - share, rng), noise, rng)
        elif kind == "concept":
            X, y = _chequered(_labels(n_samples, 0.5, rng), noise, rng)
            X = X + moved * np.array([0.75, 0.25])
        else:
            draw = _crossed if kind == "subspace" else _moons
            X, y = draw(_labels(n_samples, 0.5, rng), noise, rng)
            X = _rotate(X, angle if is_target else 0)
        parts.append((X, y))
    (X_source, y_source), (X_target, y_target) = parts
    return (
        np.concatenate([X_source, X_target]),
        np.concatenate([y_source, y_target]),
        np.repeat([0, -1], n_samples),
    )


def _labels(n, share, rng):
    """Labels 0 and 1 in random order, `share` of them 1, each at least once."""
    n_ones = min(max(round(n * share), 1), n - 1)
    return rng.permutation(np.arange(n) < n_ones).astype(int)


def _wave(n, moved, noise, rng):
    """Points on both sides of a wave, half a wave further when moved by 1."""
    across = rng.normal(np.pi * moved, 0.9, n)
    y = rng.permutation(np.arange(n) % 2)
    # Away from the wave, so that noise seldom carries a row across.
    side = np.where(y == 1, 1, -1) * rng.uniform(0.3, 1.2, n)
    X = np.column_stack([across, 1.5 * np.sin(across) + side])
    return X + rng.normal(scale=noise, size=X.shape), y


def _overlapping(y, noise, rng):
    """Two round classes that overlap."""
    X = rng.normal(size=(len(y), 2))
    X[:, 0] += 2.0 * y
    return X + rng.normal(scale=noise, size=X.shape), y


def _chequered(y, noise, rng):
    """Two clusters of each class, one class's beside the other's."""
    centers = np.array([[[0, 0], [3, 1]], [[1.5, 0.5], [4.5, 1.5]]])
    X = centers[y, rng.integers(2, size=len(y))] + rng.normal(
        scale=0.25, size=(len(y), 2)
    )
    return X + rng.normal(scale=noise, size=X.shape), y


def _crossed(y, noise, rng):
    """Class 0 in the middle of the diagonal, class 1 at both ends of it."""
    along = np.where(y == 0, 0.0, rng.choice([-1.5, 1.5], size=len(y)))
    beside = np.where(y == 0, 0.7, -0.35)
    X = np.column_stack([along + beside, along - beside]) / np.sqrt(2)
    X += rng.normal(scale=0.25, size=X.shape)
    return X + rng.normal(scale=noise, size=X.shape), y


def _moons(y, noise, rng):
    """Two half moons, around their common center."""
    at = rng.uniform(0, np.pi, len(y))
    X = np.column_stack([np.cos(at) - 0.5, np.sin(at) - 0.25])
    X[y == 1] *= -1
    return X + rng.normal(scale=noise, size=X.shape), y


def _rotate(X, degrees):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return X @ np.array([[c, s], [-s, c]])
