"""Single fits: a small network, and full fine-tuning of convolutional networks."""

import time
import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from sktransfer import TransferClassifier
from speed_cases.measure import Comparison, Run, timed
from speed_cases.networks import (
    dense_backbone,
    digits,
    mobilenet,
    mobilenet_backbone,
    small_convnet,
    small_convnet_backbone,
    textures,
    with_head,
)
from speed_cases.process import in_fresh_process

# Architecture, its weights, training rows and size of the images.
_CONVOLUTIONAL = {
    "MobileNetV2": (mobilenet, mobilenet_backbone, 500, 96),
    "small convnet": (small_convnet, small_convnet_backbone, 2000, 32),
}
_FIRST_EPOCHS = 3


def one_fit(options):
    """One warm fit on 717 rows, 20 epochs, against scikit-learn on one BLAS thread."""
    X, y = digits(5, 9)
    X, y, X_test, y_test = X[:717], y[:717], X[717:], y[717:]
    ours = TransferClassifier(
        dense_backbone(),
        recipe="full",
        optimizer="adam",
        epochs=20,
        n_iter_no_change=20,
        random_state=0,
    )
    theirs = MLPClassifier((256, 128), max_iter=20, batch_size=32, random_state=0)

    def fit_theirs():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return theirs.fit(X, y)

    def score(fitted):
        return fitted.score(X_test, y_test)

    yield Comparison(
        "717 rows, 20 epochs, dense network",
        {
            "sktransfer": timed(lambda: ours.fit(X, y), accuracy=score, calls=3),
            "MLPClassifier": timed(fit_theirs, accuracy=score, calls=3),
        },
        [("sktransfer", "MLPClassifier", 3)],
    )


def conv_fine_tuning(options):
    """Full fine-tuning of convolutional networks against bare Keras."""
    for name, (network, pretrained, n, size) in _CONVOLUTIONAL.items():
        X, y = textures(n, size)
        backbone = pretrained()
        model = _keras_model(network, backbone)
        yield Comparison(
            f"an epoch of {name}",
            {
                "sktransfer": _epoch(
                    lambda epochs, X=X, y=y, backbone=backbone: _ours(
                        backbone, epochs
                    ).fit(X, y)
                ),
                "Keras": _epoch(
                    lambda epochs, X=X, y=y, model=model: model.fit(
                        X, y, batch_size=32, epochs=epochs, verbose=0
                    )
                ),
            },
            [("sktransfer", "Keras", 1)],
            not_warmed=("sktransfer", "Keras"),
            note="difference of warm fits of 1 and 3 epochs, over 2",
        )
        yield Comparison(
            f"first fit of {name}, {_FIRST_EPOCHS} epochs",
            {
                "sktransfer": lambda name=name: Run(
                    *in_fresh_process("fits:first_fit", name, True)
                ),
                "Keras": lambda name=name: Run(
                    *in_fresh_process("fits:first_fit", name, False)
                ),
            },
            [("sktransfer", "Keras", 1 / 1.1)],
            not_warmed=("sktransfer", "Keras"),
            note="each in a fresh process",
        )


def first_fit(name, with_ours):
    """Seconds and accuracy of the first fit in this process."""
    network, pretrained, n, size = _CONVOLUTIONAL[name]
    X, y = textures(n, size)
    X_test, y_test = textures(120, size, seed=1)
    backbone = pretrained()
    start = time.perf_counter()
    if with_ours:
        fitted = _ours(backbone, _FIRST_EPOCHS).fit(X, y)
        seconds = time.perf_counter() - start
        predicted = fitted.predict(X_test)
    else:
        model = _keras_model(network, backbone)
        model.fit(X, y, batch_size=32, epochs=_FIRST_EPOCHS, verbose=0)
        seconds = time.perf_counter() - start
        predicted = model.predict(X_test, verbose=0).argmax(axis=1)
    return seconds, float((predicted == y_test).mean())


def _ours(backbone, epochs):
    return TransferClassifier(
        backbone, recipe="full", epochs=epochs, n_iter_no_change=epochs, random_state=0
    )


def _keras_model(network, backbone):
    base = network()
    base.set_weights(backbone.weights)
    return with_head(base, 6)


def _epoch(fit, short=1, long=3):
    """Contender whose time is that of one more epoch in a warm fit."""
    fit(short)

    def run():
        short_fit, long_fit = (timed(lambda n=n: fit(n))() for n in (short, long))
        return Run((long_fit.seconds - short_fit.seconds) / (long - short))

    return run
