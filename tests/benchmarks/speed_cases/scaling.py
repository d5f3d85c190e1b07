"""Time against the number of rows, and against the number of candidates."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from sktransfer import TransferClassifier
from speed_cases.measure import Comparison, Curve, Quantity, timed
from speed_cases.networks import (
    dense_backbone,
    dense_network,
    digits,
    forget_rows,
    mobilenet_backbone,
    textures,
    with_head,
)

_ROWS = [10**3, 10**4, 10**5, 10**6]
_CANDIDATES = [1, 4, 16, 64, 128]


def scaling(options):
    """Curves of a fit over rows, and of a grid search over candidates."""
    yield from _over_rows()
    yield from _over_candidates()


def _over_rows():
    few, labels = digits(0, 9)
    rng = np.random.default_rng(0)
    ours = TransferClassifier(
        dense_backbone(), recipe="full", epochs=1, batch_size=256, random_state=0
    )
    model = with_head(dense_network(), 10)
    theirs = MLPClassifier((256, 128), max_iter=1, batch_size=256, random_state=0)

    def fit_theirs(X, y):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs.fit(X, y)

    medians = {}
    for n in _ROWS:
        chosen = rng.integers(len(few), size=n)
        X = few[chosen] + 0.1 * rng.standard_normal((n, 64), dtype=np.float32)
        y = labels[chosen]
        comparison = Comparison(
            f"an epoch of {n:,} rows, dense network",
            {
                "sktransfer": timed(lambda X=X, y=y: ours.fit(X, y)),
                "Keras": timed(
                    lambda X=X, y=y: model.fit(X, y, batch_size=256, verbose=0)
                ),
                "MLPClassifier": timed(lambda X=X, y=y: fit_theirs(X, y)),
            },
            [("sktransfer", "Keras", None), ("sktransfer", "MLPClassifier", None)],
        )
        yield comparison
        for name in comparison.contenders:
            medians.setdefault(name, []).append(comparison.median(name))
    for name, seconds in medians.items():
        yield Curve("rows", name, _ROWS, seconds)
        slope = np.polyfit(np.log(_ROWS[1:]), np.log(seconds[1:]), 1)[0]
        yield Quantity(
            f"log-log slope of time over rows from {_ROWS[1]:,} on, {name}", slope, ""
        )


def _over_candidates():
    X, y = textures(60, 96)
    recipes = ("linear_probe", "full")

    def search(recipe, n):
        estimator = TransferClassifier(
            mobilenet_backbone(),
            recipe=recipe,
            frozen_depth="all",
            epochs=3,
            random_state=0,
        )
        grid = {"learning_rate": list(np.geomspace(1e-4, 1e-2, n))}
        return GridSearchCV(estimator, grid, cv=2).fit(X, y)

    medians = {recipe: [] for recipe in recipes}
    for n in _CANDIDATES:
        comparison = Comparison(
            f"grid of {n} candidates, frozen MobileNetV2",
            {
                recipe: timed(
                    lambda recipe=recipe, n=n: search(recipe, n), before=forget_rows
                )
                for recipe in recipes
            },
        )
        yield comparison
        for recipe in recipes:
            medians[recipe].append(comparison.median(recipe))
    for recipe, seconds in medians.items():
        yield Curve("candidates", f'recipe="{recipe}"', _CANDIDATES, seconds)
        yield Quantity(
            f'an added candidate of 2 fits, frozen MobileNetV2, recipe="{recipe}"',
            1000 * np.polyfit(_CANDIDATES, seconds, 1)[0],
            "ms",
        )
