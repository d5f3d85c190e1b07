"""Grid searches: tables, frozen and half-frozen image networks, two processes."""

import itertools
import time

import numpy as np
import tensorflow as tf
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from sktransfer import TransferClassifier
from speed_cases.measure import Comparison, Run, timed
from speed_cases.networks import (
    dense_backbone,
    dense_network,
    digits,
    forget_rows,
    mobilenet,
    mobilenet_backbone,
    scikeras_classifier,
    textures,
)

_RATES = [1e-4, 1e-3, 1e-2]
_FOLDS = 3
_IMAGE_FITS = len(_RATES) * _FOLDS + 1


def ours(backbone, *, epochs, **parameters):
    """Our classifier with a fixed number of epochs."""
    return TransferClassifier(
        backbone,
        epochs=epochs,
        n_iter_no_change=epochs,
        random_state=0,
        **parameters,
    )


def best(search):
    """Cross-validated accuracy of the best candidate."""
    return search.best_score_


def of_middle_rate(key):
    """Return what gives a score of the candidate that the neighbor is timed on."""

    def accuracy(search):
        rates = [
            candidate["learning_rate"] for candidate in search.cv_results_["params"]
        ]
        return search.cv_results_[key][rates.index(_RATES[1])]

    return accuracy


def searching(estimator, grid, X, y, *, accuracy=best, scale=1.0, **parameters):
    """Contender that runs a grid search on rows that were never seen."""
    seeds = itertools.count()

    def before():
        forget_rows()
        # So that the median accuracy is not that of one draw.
        estimator.set_params(random_state=next(seeds))

    return timed(
        lambda: GridSearchCV(estimator, grid, **parameters).fit(X, y),
        accuracy=accuracy,
        before=before,
        scale=scale,
    )


def table_grid(options):
    """3 learning rates x 3 frozen depths x 5 folds, and a refit."""
    X, y = digits(5, 9)
    backbone, epochs = dense_backbone(), 20
    grid = {"learning_rate": _RATES, "frozen_depth": [0, 1, 2]}
    neighbor = scikeras_classifier(dense_network, backbone, epochs=epochs)
    yield Comparison(
        "46 fits of a dense network",
        {
            "sktransfer": searching(
                ours(backbone, epochs=epochs, recipe="full"), grid, X, y, cv=5
            ),
            "SciKeras": searching(neighbor, grid, X, y, cv=5),
            "bare arithmetic": lambda: Run(
                _multiply_adds(len(X), epochs) / _multiply_add_rate()
            ),
        },
        [("sktransfer", "SciKeras", 20), ("sktransfer", "bare arithmetic", None)],
        not_warmed=("SciKeras", "bare arithmetic"),
        accuracy_margin=0.01,
        note="bare arithmetic: all multiply-adds at the rate of one large product",
    )


def _multiply_adds(n, epochs, folds=5):
    """Multiply-adds of the table grid's training, with a refit at depth 0."""
    layers = [64 * 256, 256 * 128, 128 * 5]
    steps = epochs * n
    # A step costs three times its forward pass; a frozen row is computed once.
    candidates = sum(
        3 * sum(layers[depth:]) * steps * (folds - 1) * len(_RATES)
        + sum(layers[:depth]) * n
        for depth in (0, 1, 2)
    )
    return candidates + 3 * sum(layers) * steps


def _multiply_add_rate(size=2048, calls=10):
    """Multiply-adds a second of large float32 products, on all cores."""
    matrix = tf.random.stateless_normal((size, size), seed=(0, 0))
    tf.matmul(matrix, matrix).numpy()
    start = time.perf_counter()
    for _ in range(calls):
        product = tf.matmul(matrix, matrix)
    product.numpy()
    return calls * size**3 / (time.perf_counter() - start)


def frozen_images(options):
    """3 learning rates x 3 folds and a refit, on 500 images, all layers frozen."""
    X, y = textures(500, 96)
    backbone, epochs = mobilenet_backbone(), 10
    model = mobilenet()
    model.set_weights(backbone.weights)
    neighbor = scikeras_classifier(
        mobilenet, backbone, epochs=epochs, frozen_depth=backbone.n_layers
    )
    frozen = {"epochs": epochs, "frozen_depth": "all"}
    grid = {"learning_rate": _RATES}
    accuracy = of_middle_rate("mean_test_score")
    yield Comparison(
        "10 fits of a frozen MobileNetV2",
        {
            "default recipe": searching(
                ours(backbone, **frozen), grid, X, y, cv=_FOLDS, accuracy=accuracy
            ),
            'recipe="full"': searching(
                ours(backbone, recipe="full", **frozen),
                grid,
                X,
                y,
                cv=_FOLDS,
                accuracy=accuracy,
            ),
            "one Keras predict": timed(
                lambda: model.predict(X, batch_size=32, verbose=0)
            ),
            "SciKeras": searching(
                neighbor,
                {"learning_rate": _RATES[1:2]},
                X,
                y,
                cv=_FOLDS,
                accuracy=accuracy,
                refit=False,
                scale=_IMAGE_FITS / _FOLDS,
            ),
        },
        [
            ("default recipe", "one Keras predict", 1 / 1.6),
            ("default recipe", "SciKeras", 40),
            ('recipe="full"', "one Keras predict", None),
            ('recipe="full"', "SciKeras", None),
        ],
        not_warmed=("SciKeras",),
        note=f"SciKeras: {_FOLDS} fits of one candidate, scaled to {_IMAGE_FITS}; "
        "accuracies are of that candidate",
    )


def half_frozen_images(options):
    """The same grid with half of the layers trained."""
    X, y = textures(500, 96)
    backbone, epochs = mobilenet_backbone(), 10
    neighbor = scikeras_classifier(
        mobilenet, backbone, epochs=epochs, frozen_depth=backbone.n_layers // 2
    )
    one_split = itertools.islice(StratifiedKFold(_FOLDS).split(X, y), 1)
    accuracy = of_middle_rate("split0_test_score")
    yield Comparison(
        "10 fits of a half-frozen MobileNetV2",
        {
            "sktransfer": searching(
                ours(backbone, epochs=epochs, recipe="full", frozen_depth=0.5),
                {"learning_rate": _RATES},
                X,
                y,
                cv=_FOLDS,
                accuracy=accuracy,
            ),
            "SciKeras": searching(
                neighbor,
                {"learning_rate": _RATES[1:2]},
                X,
                y,
                cv=list(one_split),
                accuracy=accuracy,
                refit=False,
                scale=_IMAGE_FITS,
            ),
        },
        [("sktransfer", "SciKeras", 3)],
        not_warmed=("SciKeras",),
        note=f"SciKeras: 1 fit, scaled to {_IMAGE_FITS}; accuracies are of that fit",
    )


def n_jobs(options):
    """4 learning rates x 3 folds and a refit, half frozen, in two processes and one.

    The number of fits is even, so that no process is idle.
    """
    X, y = textures(500, 96)
    estimator = ours(mobilenet_backbone(), epochs=3, recipe="full", frozen_depth=0.5)
    noise = np.random.default_rng(0)

    def search(jobs):
        # Slightly other rows each time: workers keep feature stores of their own.
        rows = X + np.float32(1e-3 * noise.standard_normal())
        return GridSearchCV(
            estimator, {"learning_rate": [3e-5, *_RATES]}, cv=_FOLDS, n_jobs=jobs
        ).fit(rows, y)

    yield Comparison(
        "13 fits of a half-frozen MobileNetV2",
        {
            f"n_jobs={jobs}": timed(
                lambda jobs=jobs: search(jobs),
                accuracy=best,
                before=forget_rows,
            )
            for jobs in (2, 1)
        },
        [("n_jobs=2", "n_jobs=1", 1.6)],
        note="the first run of n_jobs=2 starts the processes",
    )
