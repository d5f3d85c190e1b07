"""Prediction of a few and of many rows against bare Keras."""

import keras
import numpy as np

from sktransfer import TransferClassifier
from speed_cases.measure import Comparison, Quantity, timed
from speed_cases.networks import (
    dense_backbone,
    dense_network,
    digits,
    mobilenet,
    mobilenet_backbone,
    textures,
)

# Rows of a call, and calls in a repeat.
_SIZES = {1: 30, 100: 20, 100_000: 1}
_METHODS = ("predict", "predict_proba")


def predict(options):
    """Predict and predict_proba of fully trained networks against model.predict."""
    # Nothing is frozen, so the feature store holds no row of these.
    X, y = digits(5, 9)
    yield from _compare("dense network", dense_network, dense_backbone(), X, y, _SIZES)
    X, y = textures(100, 96)
    sizes = {1: 10, 100: 3}
    yield from _compare("MobileNetV2", mobilenet, mobilenet_backbone(), X, y, sizes)


def _compare(title, network, backbone, X, y, sizes):
    ours = TransferClassifier(backbone, recipe="full", epochs=1, random_state=0)
    ours.fit(X, y)
    model = _same_in_keras(network, ours)
    for n, calls in sizes.items():
        rows = np.resize(X, (n, *X.shape[1:]))
        contenders = {
            method: timed(
                lambda rows=rows, method=method: getattr(ours, method)(rows),
                calls=calls,
            )
            for method in _METHODS
        }
        # Keras's own batch size, and one that suits many rows.
        for batch_size in (32, 4096) if n > 100 else (32,):
            contenders[f"Keras, batches of {batch_size}"] = timed(
                lambda rows=rows, batch_size=batch_size: model.predict(
                    rows, batch_size=batch_size, verbose=0
                ),
                calls=calls,
            )
        neighbors = list(contenders)[len(_METHODS) :]
        comparison = Comparison(
            f"prediction of {n:,} row{'s' if n > 1 else ''}, {title}",
            contenders,
            [(method, name, 1) for name in neighbors for method in _METHODS],
        )
        yield comparison
        if title == "dense network" and n == 1:
            for method in _METHODS:
                milliseconds = 1000 * comparison.median(method)
                yield Quantity(f"{method} of a row, {title}", milliseconds, "ms", 2)


def _same_in_keras(network, fitted):
    """The fitted network as a Keras model."""
    base = network()
    base.set_weights(fitted.backbone_.weights)
    head = keras.layers.Dense(len(fitted.classes_), activation="softmax")
    model = keras.Model(base.inputs, head(base.outputs[0]))
    head.set_weights(fitted.backbone_.head)
    return model
