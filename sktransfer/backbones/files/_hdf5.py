"""Checking HDF5 weights before, and after, Keras loads them into a model."""

import contextlib
import itertools
import math
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import h5py
import keras
import numpy as np

from sktransfer.exceptions import (
    BackboneFileError,
    UnsafeFileError,
    WeightsMismatchError,
)

# Deflate, the densest filter of HDF5 in use, cannot shrink data further.
_MAX_COMPRESSION = 1032
# Groups that a compiled model leaves in its file, and older Keras versions too.
_TRAINING_STATE = frozenset(
    {"optimizer", "metrics", "loss_tracker", "random_generator", "seed_generator"}
)
_SHOWN_PROBLEMS = 3


class Weights(NamedTuple):
    """A weights file that was checked, and the path that the user knows it by.

    `legacy` files list layers by name; files of Keras 3 mirror the model's tree.
    """

    file: Path
    path: Path
    legacy: bool

    def check_fit(self, model):
        """Raise WeightsMismatchError unless the file is made for `model`."""
        find = _legacy_mismatches if self.legacy else _tree_mismatches
        problems = (
            find(self.file, model) if model.built else ["it has not been built yet"]
        )
        if problems:
            hidden = len(problems) - _SHOWN_PROBLEMS
            more = f"; and {hidden} more" if hidden > 0 else ""
            raise WeightsMismatchError(
                f"The weights in {self.path} do not fit the model: "
                f"{'; '.join(problems[:_SHOWN_PROBLEMS])}{more}."
            )

    def check_finite(self, model):
        """Raise WeightsMismatchError if a loaded weight is NaN or infinite."""
        for variable in model.weights:
            if "float" not in variable.dtype:
                continue
            values = keras.ops.convert_to_numpy(variable)
            n_bad = values.size - np.count_nonzero(np.isfinite(values))
            if n_bad:
                raise WeightsMismatchError(
                    f"The weight {variable.path!r} in {self.path} holds {n_bad} NaN "
                    f"or infinite values, of {values.size}."
                )


@contextlib.contextmanager
def open_checked(file, path):
    """Open an HDF5 file in which every array is really stored.

    Nothing is read but the file's table of contents, so an array that claims
    terabytes costs no memory.
    """
    with h5py.File(file, "r") as opened:
        size = os.path.getsize(file)
        for name, link in _visited(opened.visititems_links):
            if not isinstance(link, h5py.HardLink):
                raise UnsafeFileError(
                    f"{path} was not loaded: {name!r} is a link to another place "
                    f"({type(link).__name__}); weights have to be stored in the "
                    "file itself."
                )
        for name, item in [("/", opened), *_visited(opened.visititems)]:
            _check_item(name, item, path, size)
        yield opened


def _visited(visit):
    # An exception may not leave the callback, so it only collects.
    found = []
    visit(lambda name, item: found.append((name, item)))
    return found


def _check_item(name, item, path, size):
    for key in item.attrs:
        attribute = item.attrs.get_id(key)
        declared = math.prod(attribute.shape) * attribute.dtype.itemsize
        _check_stored(f"{name}@{key}", declared, size, size, path)
    if not isinstance(item, h5py.Dataset):
        return
    if item.external or item.is_virtual:
        raise UnsafeFileError(
            f"{path} was not loaded: the data of {name!r} lie in another file; "
            "weights have to be stored in the file itself."
        )
    if item.shape is None:
        return
    stored = item.id.get_storage_size()
    n_filters = item.id.get_create_plist().get_nfilters()
    available = stored * _MAX_COMPRESSION if n_filters else stored
    declared = math.prod(item.shape) * item.dtype.itemsize
    _check_stored(name, declared, available if stored <= size else 0, size, path)


def _check_stored(name, declared, available, size, path):
    if declared > available:
        raise BackboneFileError(
            f"{path} is damaged: {name!r} declares {declared} bytes, which are not "
            f"in the file of {size} bytes."
        )


def layer_names(group):
    """List the layers of a legacy weights group, or None if it is none."""
    return _name_list(group, "layer_names")


def _name_list(group, key):
    keys = [key]
    if key not in group.attrs:
        # A long list is split over key0, key1, ... since HDF5 limits attributes.
        parts = (f"{key}{i}" for i in itertools.count())
        keys = list(itertools.takewhile(group.attrs.__contains__, parts))
    if not keys:
        return None
    names = [name for part in keys for name in group.attrs[part]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _tree_mismatches(file, model):
    with tempfile.TemporaryDirectory(prefix="sktransfer-") as folder:
        # Keras itself says how it lays out this very model.
        reference = os.path.join(folder, "reference.weights.h5")
        model.save_weights(reference)
        expected_shapes, expected_names = _tree(reference)
    shapes, names = _tree(file)

    def label(path):
        owner = path.rpartition("vars")[0].rstrip("/")
        name = expected_names.get(owner, names.get(owner))
        return f"layer {name!r} ({path})" if name else path

    problems = []
    for path, shape in expected_shapes.items():
        if path not in shapes:
            problems.append(f"{label(path)} is missing; the model needs shape {shape}")
        elif shapes[path] != shape:
            problems.append(
                f"{label(path)} has shape {shapes[path]} in the file and {shape} "
                "in the model"
            )
    problems += [
        f"{label(path)} with shape {shape} is not in the model"
        for path, shape in shapes.items()
        if path not in expected_shapes and _TRAINING_STATE.isdisjoint(path.split("/"))
    ]
    return problems + _swapped_siblings(names, expected_names)


def _tree(file):
    """Give the shape of each variable and the name of each layer, by path."""
    shapes, names = {}, {}

    def visit(path, item):
        path = path.replace("_layer_checkpoint_dependencies", "layers")
        parts = path.split("/")
        if isinstance(item, h5py.Dataset) and parts[-2:-1] == ["vars"]:
            shapes[path] = item.shape
        elif parts[-1] == "vars" and "name" in item.attrs:
            names["/".join(parts[:-1])] = item.attrs["name"]

    with h5py.File(file, "r") as opened:
        opened.visititems(visit)
    return shapes, names


def _swapped_siblings(names, expected_names):
    siblings = {}
    for path in expected_names:
        siblings.setdefault(path.rpartition("/")[0], []).append(path)
    return [
        problem
        for paths in siblings.values()
        for problem in _swapped(
            [names.get(path) for path in paths],
            [expected_names[path] for path in paths],
            "layers",
        )
    ]


def _legacy_mismatches(file, model):
    layers = [layer for layer in model.layers if layer.weights]
    with h5py.File(file, "r") as opened:
        root = opened if layer_names(opened) is not None else opened["model_weights"]
        saved = [(name, _saved_weights(root[name])) for name in layer_names(root)]
    saved = [(name, weights) for name, weights in saved if weights]
    if len(saved) != len(layers):
        return [_count_mismatch([layer.name for layer in layers], saved)]
    problems = []
    for layer, (saved_name, weights) in zip(layers, saved, strict=True):
        label = f"layer {layer.name!r} ({saved_name!r} in the file)"
        variables = layer.trainable_weights + layer.non_trainable_weights
        if len(variables) != len(weights):
            problems.append(
                f"{label} has {len(weights)} weights in the file and "
                f"{len(variables)} in the model"
            )
            continue
        for variable, (name, shape) in zip(variables, weights, strict=True):
            if tuple(variable.shape) != shape:
                problems.append(
                    f"{label}, {name!r}, has shape {shape} in the file and "
                    f"{tuple(variable.shape)} in the model"
                )
        problems += _swapped_weights(label, weights, variables)
    return problems + _swapped(
        [name for name, _ in saved], [layer.name for layer in layers], "layers"
    )


def _count_mismatch(expected, saved):
    found = [name for name, _ in saved]
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    return (
        f"the file has {len(found)} layers with weights and the model has "
        f"{len(expected)}; only in the model: {', '.join(missing[:5]) or 'none'}; "
        f"only in the file: {', '.join(extra[:5]) or 'none'}"
    )


def _saved_weights(group):
    names = _name_list(group, "weight_names") or []
    return [(name, group[name].shape) for name in names]


def _swapped_weights(label, weights, variables):
    found = [name.removesuffix(":0") for name, _ in weights]
    expected = [variable.path for variable in variables]
    problems = _swapped(found, expected, f"weights of {label}")
    if not problems:
        # Layer names may differ; kernel, gamma, moving_mean... may not.
        found, expected = (
            [name.rpartition("/")[2] for name in names] for names in (found, expected)
        )
        problems = _swapped(found, expected, f"weights of {label}")
    return problems


def _swapped(found, expected, what):
    """Find names that changed places with each other.

    Automatic names such as dense_4 differ from one model to the next, so a
    name elsewhere is no error by itself; names that trade places are.
    """
    home = {name: i for i, name in enumerate(expected) if expected.count(name) == 1}
    target = [home.get(name) for name in found]
    for start, goal in enumerate(target):
        if goal is None or goal == start:
            continue
        position = goal
        for _ in found:
            if position is None or position == start:
                break
            position = target[position]
        if position == start:
            return [
                f"the {what} {expected[start]!r} and {found[start]!r} are swapped "
                "in the file"
            ]
    return []
