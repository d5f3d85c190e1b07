"""Compare the weights in a file with a model, before and after they are loaded."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import h5py

from sktransfer.backbones.files.hdf5 import layer_names, weight_names
from sktransfer.backbones.files.reference import reference_file
from sktransfer.backbones.layer_checks import not_finite
from sktransfer.exceptions import WeightsMismatchError

# Groups in the files of compiled models and of older Keras versions.
TRAINING_STATE = frozenset(
    {"optimizer", "metrics", "loss_tracker", "random_generator", "seed_generator"}
)
_MAX_PROBLEMS = 3


class StoredWeights(NamedTuple):
    """Weights in a file.

    Attributes
    ----------
    file : Path
        Private copy of the file.
    path : Path
        Path of the user's file, for the messages.
    legacy : bool
        True for files that list layers by name, as Keras 2 wrote them. Files of
        Keras 3 have the tree of the model.
    """

    file: Path
    path: Path
    legacy: bool

    def fits(self, model):
        """Return whether all names and shapes fit a model."""
        return not self._list_problems(model)

    def _list_problems(self, model):
        if not model.built:
            return ["it has not been built yet"]
        list_problems = _legacy_mismatches if self.legacy else _tree_mismatches
        return list_problems(self.file, model)

    def check_fit(self, model):
        """Raise WeightsMismatchError unless all names and shapes fit a model."""
        problems = self._list_problems(model)
        if problems:
            n_hidden = len(problems) - _MAX_PROBLEMS
            more = f"; and {n_hidden} more" if n_hidden > 0 else ""
            raise WeightsMismatchError(
                f"The weights in {self.path} do not fit the model: "
                f"{'; '.join(problems[:_MAX_PROBLEMS])}{more}.{self._compare(model)}"
            )

    def _compare(self, model):
        """Say which of file and model has more weights, for the message."""
        expected = Counter(tuple(variable.shape) for variable in model.weights)
        saved = Counter(_shapes(self.file, self.legacy))
        n_missing, n_surplus = (expected - saved).total(), (saved - expected).total()
        if n_missing and n_surplus:
            return " The file seems to be of another architecture."
        if n_missing:
            return (
                f" {n_missing} weights are missing in the file: it seems to be of a "
                "smaller network."
            )
        if n_surplus:
            return (
                f" The file has {n_surplus} more weights than the model: it seems to "
                "be of a larger network."
            )
        return ""

    def check_finite(self, model):
        """Raise WeightsMismatchError if a loaded weight is NaN or infinite."""
        for path, n_bad, n_values in not_finite(model):
            raise WeightsMismatchError(
                f"The weight {path!r} in {self.path} has {n_bad} NaN or infinite "
                f"values, of {n_values}."
            )


def _tree_mismatches(file, model):
    with reference_file(model) as reference:
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
        if path not in expected_shapes and TRAINING_STATE.isdisjoint(path.split("/"))
    ]
    return problems + _swapped_siblings(names, expected_names)


def _tree(file):
    """Read the shape of each variable and the name of each layer, by path."""
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


def _shapes(file, legacy):
    """List the shapes of all weights in a file."""
    if not legacy:
        return [
            shape
            for path, shape in _tree(file)[0].items()
            if TRAINING_STATE.isdisjoint(path.split("/"))
        ]
    with h5py.File(file, "r") as opened:
        root = opened if layer_names(opened) is not None else opened["model_weights"]
        return [
            root[layer][weight].shape
            for layer in layer_names(root)
            for weight in weight_names(root[layer])
        ]


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
        saved = [
            (name, [(weight, root[name][weight].shape) for weight in weights])
            for name in layer_names(root)
            if (weights := weight_names(root[name]))
        ]
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
    names = [name for name, _ in saved]
    missing = [name for name in expected if name not in names]
    extra = [name for name in names if name not in expected]
    return (
        f"the file has {len(names)} layers with weights and the model has "
        f"{len(expected)}; only in the model: {', '.join(missing[:5]) or 'none'}; "
        f"only in the file: {', '.join(extra[:5]) or 'none'}"
    )


def _swapped_weights(label, weights, variables):
    names = [name.removesuffix(":0") for name, _ in weights]
    expected = [variable.path for variable in variables]
    what = f"weights of {label}"
    # The layer may have another name; kernel, gamma, moving_mean, ... may not.
    return _swapped(names, expected, what) or _swapped(
        *([path.rpartition("/")[2] for path in paths] for paths in (names, expected)),
        what,
    )


def _swapped(names, expected, what):
    """Describe names in a file that have exchanged their places.

    Automatic names such as dense_4 differ between models, so another name is no error
    by itself.
    """
    home = {name: i for i, name in enumerate(expected) if expected.count(name) == 1}
    target = [home.get(name) for name in names]
    for start in range(len(target)):
        # Follow each name to its place; names are swapped when this ends at the start.
        position = target[start]
        for _ in names:
            if position is None or position == start:
                break
            position = target[position]
        if position == start != target[start]:
            return [
                f"the {what} {expected[start]!r} and {names[start]!r} are swapped "
                "in the file"
            ]
    return []
