"""Recognize the kind of a model file, and copy it to where it can be checked."""

import contextlib
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import h5py

from sktransfer.backbones.files.hdf5 import layer_names, open_checked
from sktransfer.backbones.files.keras2 import modernize
from sktransfer.backbones.files.safe_config import quantization_modes
from sktransfer.backbones.files.stored_weights import StoredWeights
from sktransfer.backbones.layer_checks import quantization_error
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
# Keras does not compress members; only a zip bomb is smaller than this in the file.
_MAX_ZIP_COMPRESSION = 100
_ZIP_BOMB_FLOOR = 1 << 26


class Content(NamedTuple):
    """Parts of a private copy of a file.

    Attributes
    ----------
    weights : StoredWeights
        Its weights.
    model : Path or None
        File or folder that Keras loads; None for a file that has only weights.
    config : dict or None
        Architecture; None for a file that has only weights.
    """

    weights: StoredWeights
    model: Path | None = None
    config: dict | None = None


def check_path(path):
    """Check that a path is that of a model file.

    Parameters
    ----------
    path : str or path-like
        The path.

    Returns
    -------
    Path

    Raises
    ------
    BackboneFileError
        If there is no such file, or it is of another kind.
    """
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise TypeError(
            f"path must be a str or a path-like object; got {path!r} of type "
            f"{type(path).__name__}."
        )
    if "://" in os.fspath(path):
        raise BackboneFileError(
            f"{os.fspath(path)} is a URL; expected a file of this computer. Download "
            "it first, for example by keras.utils.get_file(origin=url), and pass the "
            "path of the file."
        )
    path = Path(path)
    with report_damage(path):
        if not path.exists():
            raise BackboneFileError(f"{path} does not exist; expected {_ACCEPTED}.")
        if path.is_dir():
            raise BackboneFileError(f"{path} is a directory; expected {_ACCEPTED}.")
        if not path.is_file():
            raise BackboneFileError(f"{path} is not a regular file.")
        if path.suffix.lower() not in _SUFFIXES:
            raise BackboneFileError(
                f"{path} has the extension {path.suffix!r}; expected {_ACCEPTED}."
            )
        if path.stat().st_size == 0:
            raise BackboneFileError(f"{path} is empty.")
    return path


@contextlib.contextmanager
def report_damage(path):
    """Turn the exceptions that a damaged file causes into BackboneFileError."""
    try:
        yield
    except (BackboneError, MemoryError, Warning):
        # A warning is an exception if the user has set that filter.
        raise
    except Exception as error:
        raise BackboneFileError(
            f"{path} is damaged, truncated or unreadable: {short_message(error)}"
        ) from error


def short_message(error):
    """Return type and text of an error, without the middle of a long text."""
    text = " ".join(str(error).split())
    if len(text) > 500:
        # Keras may put the whole configuration of a model before the reason.
        text = f"{text[:150]} [...] {text[-350:]}"
    return f"{type(error).__name__}: {text}"


@contextlib.contextmanager
def open_content(path):
    """Check a path, copy its file to a private folder and check it there.

    Keras then loads the copy that was checked. Its name makes Keras choose the right
    reader.

    Yields
    ------
    Content
    """
    path = check_path(path)
    with tempfile.TemporaryDirectory(prefix="sktransfer-") as folder:
        folder = Path(folder)
        with report_damage(path):
            read = _archive_content if _is_archive(path) else _hdf5_content
            content = read(path, folder)
        yield content


def _is_archive(path):
    """Return whether a file is a `.keras` archive, by its first bytes."""
    if h5py.is_hdf5(path):
        return False
    if zipfile.is_zipfile(path):
        return True
    with open(path, "rb") as file:
        head = file.read(16)
    if head.startswith((b"PK", b"\x89HDF")):
        raise BackboneFileError(f"{path} is damaged or truncated.")
    raise BackboneFileError(
        f"{path} is neither a .keras archive nor an HDF5 file: it begins with {head!r}."
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
        return Content(StoredWeights(copy, path, legacy=True), copy, config)
    if kind == "tree":
        # Keras chooses the reader by the name of the file.
        copy = copy.rename(folder / _ARCHIVE_WEIGHTS)
    return Content(StoredWeights(copy, path, legacy=kind == "legacy"))


def _hdf5_kind(file, path):
    if "model_config" in file.attrs:
        return "model"
    if layer_names(file) is not None or "model_weights" in file:
        return "legacy"
    if "layers" in file or "vars" in file or "_layer_checkpoint_dependencies" in file:
        return "tree"
    raise BackboneFileError(
        f"{path} is an HDF5 file, but not one of Keras: it has neither a model nor "
        "weights of layers."
    )


def _archive_content(path, folder):
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        missing = sorted(_ARCHIVE_NEEDED.difference(names))
        if missing:
            raise BackboneFileError(
                f"{path} is a zip archive but not a Keras model: it has no "
                f"{' and no '.join(missing)}."
            )
        for name in names:
            if name in _ARCHIVE_NEEDED or name.startswith(_ARCHIVE_ASSETS):
                _check_member(archive.getinfo(name), path)
                archive.extract(name, folder)
    config_file = folder / _ARCHIVE_CONFIG
    config = _parse_config(config_file.read_bytes(), path)
    config_file.write_text(json.dumps(config))
    # Keras loads a folder that has all these files as a model.
    (folder / _ARCHIVE_METADATA).write_text("{}")
    weights = folder / _ARCHIVE_WEIGHTS
    with open_checked(weights, path):
        return Content(StoredWeights(weights, path, legacy=False), folder, config)


def _check_member(member, path):
    if member.file_size > max(
        _ZIP_BOMB_FLOOR, _MAX_ZIP_COMPRESSION * member.compress_size
    ):
        raise BackboneFileError(
            f"{path} is damaged: its member {member.filename!r} declares "
            f"{member.file_size} bytes, but only {member.compress_size} are stored."
        )


def _parse_config(text, path):
    config = json.loads(text)
    if not isinstance(config, dict):
        raise BackboneFileError(
            f"{path} has no architecture: its configuration is a "
            f"{type(config).__name__}."
        )
    modes = quantization_modes(config)
    if modes:
        raise quantization_error(path, modes)
    return modernize(config)
