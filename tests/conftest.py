"""Environment of the test run, set before scikit-learn or TensorFlow is imported."""

import os

# Without it scikit-learn skips its array API checks.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow turns oneDNN off on older CPUs, and then has no convolutions with
# channels_first.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import numpy as np
import pytest
from sklearn.datasets import load_digits


@pytest.fixture(autouse=True)
def empty_feature_store():
    """Let no test find rows that another one has computed."""
    from sktransfer import feature_store

    feature_store.clear()


@pytest.fixture(scope="session")
def digits():
    """Rows and labels of digits 0-4 (the source) and of inverted ones (the target)."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype("float32")
    rows = np.flatnonzero(y < 5)
    source, target = rows[::2], rows[1::2]
    return X[source], y[source], 1 - X[target], y[target]


@pytest.fixture
def target(digits):
    """A few labeled rows of the target."""
    return digits[2][:100], digits[3][:100]


@pytest.fixture(scope="session")
def source_model(digits):
    """A network trained on the source: three Dense layers, then a softmax of 5."""
    import keras
    from networks import source_network

    model = source_network()
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    model.fit(digits[0], digits[1], epochs=10, shuffle=False, verbose=0)
    return model


@pytest.fixture(scope="session")
def source(source_model):
    """The same network as a value."""
    from sktransfer import Backbone

    return Backbone.from_model(source_model)


@pytest.fixture
def make(source):
    """Make a small, quick TransferClassifier on the source network."""
    from sktransfer import TransferClassifier

    def make(**parameters):
        defaults = {"backbone": source, "epochs": 3, "random_state": 0}
        return TransferClassifier(**(defaults | parameters))

    return make
