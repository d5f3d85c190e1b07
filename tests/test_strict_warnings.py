"""With warnings as errors, fits raise none that other packages cause."""

import subprocess
import sys

import pytest

START = """
import keras
import numpy as np
from sktransfer import BackboneFeatures, DomainAdaptedClassifier, TransferClassifier
X = np.random.default_rng(0).normal(size=(24, 3))
y = (X[:, 0] > 0).astype(int)
"""

CASES = {
    "tabular": """
TransferClassifier(random_state=0).fit(X, y).predict(X)
TransferClassifier(recipe="full", epochs=1, random_state=0).fit(X, y).to_keras()
""",
    "steps": """
clf = TransferClassifier("mlp", epochs=1, early_stopping=True, random_state=0)
clf.fit(X, y).to_keras()
clf.set_params(early_stopping=False).partial_fit(X, y)
DomainAdaptedClassifier(method="mcc", random_state=0).fit(X, y, X_target=(X + 1,))
""",
    "files": """
import os, tempfile, warnings
layers = keras.layers
adapted = layers.Normalization(name="columns")
adapted.adapt(X)
def network(n_classes, *first):
    return keras.Sequential([
        keras.Input((3,)),
        *first,
        layers.Dense(8, name="hidden"),
        layers.BatchNormalization(name="normalized"),
        layers.Dense(n_classes, activation="softmax", name=f"classes_{n_classes}"),
    ])
with tempfile.TemporaryDirectory() as folder:
    weights, model = (os.path.join(folder, n) for n in ("a.weights.h5", "b.keras"))
    with warnings.catch_warnings():
        # Keras warns when it saves.
        warnings.simplefilter("ignore")
        network(5).save_weights(weights)
        network(5, adapted).save(model)
    BackboneFeatures(model).fit_transform(X)
    # The classification layer in the file is another one.
    TransferClassifier(network(2), weights=weights, epochs=1).fit(X, y)
    DomainAdaptedClassifier(network(2), method="adabn", random_state=0).fit(
        X, y, X_target=(X + 1,)
    )
""",
}


@pytest.mark.parametrize("case", CASES)
def test_no_warning(case):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", START + CASES[case]],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
