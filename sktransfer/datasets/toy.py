"""make_shifted_classification: two classes in the plane, with a known shift."""

import numbers

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sktransfer._random import make_rng

# Class prior of the larger class at the greatest label shift.
_MAX_PRIOR = 0.9
_ANGLES = {"subspace": 180, "moons": 45}


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
    """Make points of two classes, with a shift between source and target.

    A classifier that is trained on the source alone is much less accurate on the
    target than one that is trained on the target.

    Parameters
    ----------
    n_samples : int, default=300
        Number of samples of each domain.
    kind : {"covariate", "label", "concept", "subspace", "moons"}, \
default="covariate"
        The difference between the domains [1]_:

        - "covariate": p(x) differs. A wave separates the classes in both domains, and
          the target has samples at another part of the wave.
        - "label": the class priors p(y) differ. A source model ranks target samples
          well, but its accuracy is lower.
        - "concept": p(x | y) differs. Target samples are moved halfway toward the
          source samples of the other class.
        - "subspace": the target is the source rotated by `angle`. The projection on the
          diagonal separates the classes in both domains; in the source, another
          direction separates them more easily.
        - "moons": two half moons, rotated by `angle` in the target.
    shift : float, default=1.0
        Amount of the shift for "covariate", "label" and "concept", from 0 (no shift)
        to 1.
    angle : float or None, default=None
        Rotation of the target in degrees, for "subspace" and "moons". None is 180 for
        "subspace" and 45 for "moons".
    noise : float, default=0.1
        Standard deviation of the normal noise that is added to all samples.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    X : ndarray of shape (2 * n_samples, 2), float64
        Source samples, then target samples.
    y : ndarray of shape (2 * n_samples,), int
        Classes 0 and 1, also for the target.
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
    angle = _ANGLES.get(kind) if angle is None else angle
    parts = []
    for is_target in (False, True):
        amount = shift if is_target else 0.0
        if kind == "covariate":
            X, y = _wave(n_samples, amount, rng)
        elif kind == "label":
            prior = _MAX_PRIOR - (2 * _MAX_PRIOR - 1) * amount
            y = _labels(n_samples, 1 - prior, rng)
            X = rng.normal(size=(n_samples, 2))
            X[:, 0] += 2.0 * y
        else:
            y = _labels(n_samples, 0.5, rng)
            X = _BALANCED[kind](y, rng)
        X = X + rng.normal(scale=noise, size=X.shape)
        if kind == "concept":
            X = X + amount * np.array([0.75, 0.25])
        elif kind in _ANGLES:
            X = _rotate(X, angle if is_target else 0)
        parts.append((X, y))
    (X_source, y_source), (X_target, y_target) = parts
    return (
        np.concatenate([X_source, X_target]),
        np.concatenate([y_source, y_target]),
        np.repeat([0, -1], n_samples),
    )


def _labels(n, prior, rng):
    """Draw labels 0 and 1, a fraction `prior` of them 1; each occurs at least once."""
    n_ones = min(max(round(n * prior), 1), n - 1)
    return rng.permutation(np.arange(n) < n_ones).astype(int)


def _wave(n, amount, rng):
    """Draw points on both sides of a wave; the amount 1 is half a wavelength."""
    x = rng.normal(np.pi * amount, 0.9, n)
    y = rng.permutation(np.arange(n) % 2)
    # The points are away from the wave, so that noise seldom moves one across it.
    side = np.where(y == 1, 1, -1) * rng.uniform(0.3, 1.2, n)
    return np.column_stack([x, 1.5 * np.sin(x) + side]), y


def _checkered(y, rng):
    """Draw two clusters of each class, in turns."""
    centers = np.array([[[0, 0], [3, 1]], [[1.5, 0.5], [4.5, 1.5]]])
    means = centers[y, rng.integers(2, size=len(y))]
    return means + rng.normal(scale=0.25, size=means.shape)


def _crossed(y, rng):
    """Draw class 0 in the middle of the diagonal and class 1 at both ends."""
    along = np.where(y == 0, 0.0, rng.choice([-1.5, 1.5], size=len(y)))
    beside = np.where(y == 0, 0.7, -0.35)
    X = np.column_stack([along + beside, along - beside]) / np.sqrt(2)
    return X + rng.normal(scale=0.25, size=X.shape)


def _moons(y, rng):
    """Draw two half moons around their common center."""
    angle = rng.uniform(0, np.pi, len(y))
    X = np.column_stack([np.cos(angle) - 0.5, np.sin(angle) - 0.25])
    X[y == 1] *= -1
    return X


_BALANCED = {"concept": _checkered, "subspace": _crossed, "moons": _moons}


def _rotate(X, degrees):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return X @ np.array([[c, s], [-s, c]])
