"""Telling model files apart, and copying them to where they can be checked."""

import contextlib
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import h5py

from sktransfer.backbones.files._hdf5 import Weights, layer_names, open_checked
from sktransfer.backbones.files._keras2 import modernize
from sktransfer.exceptions import BackboneError, BackboneFileError

_SUFFIXES = (".keras", ".h5", ".hdf5")
_ACCEPTED = (
    "a .keras file, a legacy .h5 or .hdf5 model, or a weights file (.weights.h5, .h5)"
)
_ARCHIVE_CONFIG = "config.json"
_ARCHIVE_METADATA = "metadata.json"
_ARCHIVE_WEIGHTS = "model.weights.h5"
_ARCHIVE_ASSETS = "assets/"
_ARCHIVE_NEEDED = frozenset({_ARCHIVE_CONFIG, _ARCHIVE_WEIGHTS})
# Keras stores members as they are; only a bomb shrinks more than this.
_MAX_ZIP_COMPRESSION = 100
_ZIP_BOMB_FLOOR = 1 << 26


class _Content(NamedTuple):
    """A private copy of a file, taken apart.

    `model` is what Keras loads, `config` the architecture; both are None for a
    file that has weights only.
    """

    weights: Weights
    model: Path | None = None
    config: dict | None = None


def checked_path(path):
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise TypeError(
            f"path must be a str or a path-like object; got {path!r} of type "
            f"{type(path).__name__}."
        )
    path = Path(path)
    with damage_reported(path):
        if not path.exists():
            raise BackboneFileError(f"{path} does not exist; expected {_ACCEPTED}.")
        if path.is_dir():
            raise BackboneFileError(f"{path} is a directory; expected {_ACCEPTED}.")
        if not path.is_file():
            raise BackboneFileError(f"{path} is no regular file.")
        if path.suffix.lower() not in _SUFFIXES:
            raise BackboneFileError(
                f"{path} has the extension {path.suffix!r}; expected {_ACCEPTED}."
            )
        if path.stat().st_size == 0:
            raise BackboneFileError(f"{path} is empty.")
    return path


@contextlib.contextmanager
def damage_reported(path):
    """Turn the many exceptions that a damaged file causes into one."""
    try:
        yield
    except (BackboneError, MemoryError):
        raise
    except Exception as error:
        raise BackboneFileError(
            f"{path} is damaged, truncated or unreadable: {short_message(error)}"
        ) from error


def short_message(error):
    text = " ".join(str(error).split())
    if len(text) > 500:
        # Keras may put the whole configuration of a model before the reason.
        text = f"{text[:150]} [...] {text[-350:]}"
    return f"{type(error).__name__}: {text}"


@contextlib.contextmanager
def open_content(path):
    """Copy a file to a private folder, check it there and take it apart.

    What was checked is then what Keras loads, under a name that makes it choose
    the right reader, and the user's file is never open for long.
    """
    with tempfile.TemporaryDirectory(prefix="sktransfer-") as folder:
        folder = Path(folder)
        with damage_reported(path):
            read = _archive_content if _is_archive(path) else _hdf5_content
            content = read(path, folder)
        yield content


def has_architecture(path):
    """Say whether a file holds a whole model, reading little of it."""
    with damage_reported(path):
        if _is_archive(path):
            with _open_archive(path):
                return True
        with open_checked(path, path) as file:
            return _hdf5_kind(file, path) == "model"


def _is_archive(path):
    """Tell a `.keras` archive from an HDF5 file by what is in it."""
    if h5py.is_hdf5(path):
        return False
    if zipfile.is_zipfile(path):
        return True
    with open(path, "rb") as file:
        head = file.read(16)
    if head.startswith((b"PK", b"\x89HDF")):
        raise BackboneFileError(f"{path} is damaged or truncated: it breaks off.")
    raise BackboneFileError(
        f"{path} is neither a .keras archive nor an HDF5 file, whatever its "
        f"extension: it begins with {head!r}."
    )


def _hdf5_content(path, folder):
    copy = folder / "model.h5"
    shutil.copyfile(path, copy)
    with open_checked(copy, path) as file:
        kind = _hdf5_kind(file, path)
        if kind == "model":
            config = _parse_config(file.attrs["model_config"], path)
    if kind == "model":
        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = json.dumps(config)
        return _Content(Weights(copy, path, legacy=True), copy, config)
    if kind == "tree":
        # Keras chooses the reader for its newer weights by the file's name.
        copy = copy.rename(folder / _ARCHIVE_WEIGHTS)
    return _Content(Weights(copy, path, legacy=kind == "legacy"))


def _hdf5_kind(file, path):
    if "model_config" in file.attrs:
        return "model"
    if layer_names(file) is not None or "model_weights" in file:
        return "legacy"
    if "layers" in file or "vars" in file or "_layer_checkpoint_dependencies" in file:
        return "tree"
    raise BackboneFileError(
        f"{path} is an HDF5 file, but not one of Keras: it has neither a model nor "
        "the weights of layers."
    )


def _archive_content(path, folder):
    with _open_archive(path) as archive:
        for name in archive.namelist():
            if name in _ARCHIVE_NEEDED or name.startswith(_ARCHIVE_ASSETS):
                _check_member(archive.getinfo(name), path)
                archive.extract(name, folder)
    config_file = folder / _ARCHIVE_CONFIG
    config = _parse_config(config_file.read_bytes(), path)
    config_file.write_text(json.dumps(config))
    # Keras takes the folder for a model, and reads assets if all files are there.
    (folder / _ARCHIVE_METADATA).write_text("{}")
    weights = folder / _ARCHIVE_WEIGHTS
    with open_checked(weights, path):
        return _Content(Weights(weights, path, legacy=False), folder, config)


@contextlib.contextmanager
def _open_archive(path):
    with zipfile.ZipFile(path) as archive:
        missing = sorted(_ARCHIVE_NEEDED.difference(archive.namelist()))
        if missing:
            raise BackboneFileError(
                f"{path} is a zip archive but no model of Keras: it has no "
                f"{' and no '.join(missing)}."
            )
        yield archive


def _check_member(member, path):
    if member.file_size > max(
        _ZIP_BOMB_FLOOR, _MAX_ZIP_COMPRESSION * member.compress_size
    ):
        raise BackboneFileError(
            f"{path} is damaged: its member {member.filename!r} declares "
            f"{member.file_size} bytes, of which {member.compress_size} are stored."
        )


def _parse_config(text, path):
    config = json.loads(text)
    if not isinstance(config, dict):
        raise BackboneFileError(
            f"{path} has no architecture: its configuration is a "
            f"{type(config).__name__}."
        )
    return modernize(_without_compilation(config))


def _without_compilation(node):
    """Drop the training setup of the model and of every model inside it."""
    if isinstance(node, list):
        return [_without_compilation(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_compilation(value)
        for key, value in node.items()
        if key != "compile_config" or "class_name" not in node
    }
