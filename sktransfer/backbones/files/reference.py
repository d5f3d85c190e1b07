"""The weights file that Keras would write for a model."""

import contextlib
import functools
import os
import tempfile

import numpy as np

from sktransfer.backbones import graph


@contextlib.contextmanager
def reference_file(model):
    """Write the weights of a model to a temporary ``.weights.h5`` file.

    Parameters
    ----------
    model : keras.Model
        Built model.

    Yields
    ------
    str
        Path of the file, which is deleted afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="sktransfer-") as folder:
        path = os.path.join(folder, "reference.weights.h5")
        with _arrays_saved(graph.all_layers(model)):
            model.save_weights(path)
        yield path


@contextlib.contextmanager
def _arrays_saved(layers):
    """Let layers give arrays to Keras when they are saved.

    Keras converts variables in a way that NumPy 2 warns of.
    """
    for layer in layers:
        vars(layer)["save_own_variables"] = functools.partial(
            _save_arrays, layer.save_own_variables
        )
    try:
        yield
    finally:
        for layer in layers:
            del vars(layer)["save_own_variables"]


def _save_arrays(save, store):
    save(_ArrayStore(store))


class _ArrayStore:
    """Store of the variables of a layer that converts them to arrays."""

    def __init__(self, store):
        self._store = store

    def __setitem__(self, name, value):
        self._store[name] = np.asarray(value)

    def __getattr__(self, name):
        return getattr(self._store, name)
