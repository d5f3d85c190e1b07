"""Weights files whose classification layer is missing, or is another one.

The classification layer of a backbone is cut off. So its weights in a file are not
needed, and may have other shapes. In the private copy of the file they are replaced by
those of the model. The file must fit the model exactly then.
"""

import contextlib
from typing import NamedTuple

import h5py
import numpy as np

from sktransfer.backbones.files.hdf5 import (
    layer_names,
    weight_names,
)
from sktransfer.backbones.files.reference import reference_file
from sktransfer.backbones.files.stored_weights import TRAINING_STATE


class OldHead(NamedTuple):
    """The part of a model that is cut off.

    Attributes
    ----------
    layers : list of keras.Layer
        Layers of the model that do not compute the features.
    n_features : int or None
        Number of features. A layer for other features in the file is an error; None
        accepts several dense layers behind the features.
    """

    layers: list
    n_features: int | None


def replace_head(weights, model, head):
    """Replace the weights of a classification layer in the private copy of a file.

    Parameters
    ----------
    weights : StoredWeights
        Weights that do not fit the model. The private copy is changed.
    model : keras.Model
        Built model.
    head : OldHead
        The part of the model that is cut off.
    """
    (_replace_legacy if weights.legacy else _replace_in_tree)(weights.file, model, head)


def _replace_in_tree(path, model, head):
    marks = {f"cut off {i}": layer for i, layer in enumerate(head.layers)}
    names = {mark: layer.name for mark, layer in marks.items()}
    with contextlib.ExitStack() as stack:
        for mark, layer in marks.items():
            layer.name = mark
        try:
            reference_path = stack.enter_context(reference_file(model))
        finally:
            for mark, layer in marks.items():
                layer.name = names[mark]
        reference = stack.enter_context(h5py.File(reference_path))
        file = stack.enter_context(h5py.File(path, "r+"))
        expected, saved = _owners(reference), _owners(file)
        cut_off = [owner for owner, name in expected.items() if name in marks]
        surplus = [owner for owner in saved if owner not in expected]
        for owner in cut_off:
            if owner in file:
                del file[owner]
            reference.copy(reference[owner], file, owner, without_attrs=False)
            name = names[expected[owner]]
            file[owner]["vars"].attrs["name"] = name
        has_head = any(owner in saved for owner in cut_off)
        layers = [_tree_shapes(file[owner]) for owner in surplus]
        if not has_head and _are_heads(layers, head.n_features):
            for owner in surplus:
                del file[owner]


def _owners(file):
    """Return the name of each group of a layer with weights, by path."""
    owners = {}

    def visit(path, item):
        parts = path.split("/")
        if (
            (parts[0], parts[-1]) == ("layers", "vars")
            and len(item)
            and TRAINING_STATE.isdisjoint(parts)
        ):
            owners[path.removesuffix("/vars")] = item.attrs.get("name")

    file.visititems(visit)
    return owners


def _tree_shapes(group):
    variables = group["vars"]
    return [variables[name].shape for name in sorted(variables, key=int)]


def _replace_legacy(path, model, head):
    cut_off_ids = {id(v) for layer in head.layers for v in layer.weights}
    layers = [layer for layer in model.layers if layer.weights]
    is_kept = [
        any(id(variable) not in cut_off_ids for variable in layer.weights)
        for layer in layers
    ]
    n_kept = sum(is_kept)
    if not all(is_kept[:n_kept]):
        return
    with h5py.File(path, "r+") as file:
        root = file if layer_names(file) is not None else file["model_weights"]
        saved = [name for name in layer_names(root) if weight_names(root[name])]
        if len(saved) < n_kept:
            return
        shapes = [
            [root[name][weight].shape for weight in weight_names(root[name])]
            for name in saved[n_kept:]
        ]
        if len(shapes) > len(layers) - n_kept and (
            n_kept < len(layers) or not _are_heads(shapes, head.n_features)
        ):
            return
        names = saved[:n_kept]
        for i, layer in enumerate(layers[n_kept:]):
            names.append(_write_legacy(root, f"cut_off_{i}/{layer.name}", layer))
        for key in [key for key in root.attrs if key.startswith("layer_names")]:
            del root.attrs[key]
        root.attrs["layer_names"] = np.array([name.encode() for name in names])


def _write_legacy(root, name, layer):
    """Write the weights of a layer as Keras 2 did; return the name of their group."""
    group = root.create_group(name)
    variables = layer.trainable_weights + layer.non_trainable_weights
    weights = [f"{i}/{variable.name}" for i, variable in enumerate(variables)]
    for weight, variable in zip(weights, variables, strict=True):
        group[weight] = np.asarray(variable)
    group.attrs["weight_names"] = np.array([weight.encode() for weight in weights])
    return name


def _are_heads(layers, n_features):
    """Return whether surplus layers of a file may be a classification layer.

    Parameters
    ----------
    layers : list of list of tuple
        Shapes of the weights of each layer.
    n_features : int or None
        Number of features of the model.
    """
    if n_features is not None and len(layers) > 1:
        return False
    for kernel, *bias in layers:
        is_dense = len(kernel) == 2 or (len(kernel) == 4 and kernel[:2] == (1, 1))
        if not is_dense or bias not in ([], [kernel[-1:]]):
            return False
        if n_features not in (None, kernel[-2]):
            return False
    return True
