"""Open HDF5 files safely, and list the layers and weights in legacy ones."""

import contextlib
import itertools
import math
import os

import h5py

from sktransfer.exceptions import BackboneFileError, UnsafeFileError

# Deflate is the densest filter of HDF5 in use; this is its limit.
_MAX_COMPRESSION = 1032


@contextlib.contextmanager
def open_checked(file, path):
    """Open an HDF5 file after a check that all its arrays are stored in it.

    Only the table of contents is read, so an array that declares terabytes costs no
    memory.

    Parameters
    ----------
    file : path-like
        The file to open.
    path : path-like
        Path of the user's file, for the messages.

    Yields
    ------
    h5py.File

    Raises
    ------
    BackboneFileError
        When an array declares more bytes than the file can contain.
    UnsafeFileError
        When an array or a link points outside the file.
    """
    with h5py.File(file, "r") as opened:
        size = os.path.getsize(file)
        for name, link in _collect(opened.visititems_links):
            if not isinstance(link, h5py.HardLink):
                raise UnsafeFileError(
                    f"{path} was not loaded: {name!r} is a link to another place "
                    f"({type(link).__name__}). Weights must be stored in the file "
                    "itself."
                )
        for name, item in [("/", opened), *_collect(opened.visititems)]:
            _check_item(name, item, path, size)
        yield opened


def _collect(visit):
    # An exception must not leave the callback of HDF5, so it only collects.
    items = []
    visit(lambda name, item: items.append((name, item)))
    return items


def _check_item(name, item, path, size):
    for key in item.attrs:
        attribute = item.attrs.get_id(key)
        declared = math.prod(attribute.shape) * attribute.dtype.itemsize
        _check_size(f"{name}@{key}", declared, size, size, path)
    if not isinstance(item, h5py.Dataset):
        return
    if item.external or item.is_virtual:
        raise UnsafeFileError(
            f"{path} was not loaded: the data of {name!r} are in another file. "
            "Weights must be stored in the file itself."
        )
    if item.shape is None:
        return
    stored = item.id.get_storage_size()
    n_filters = item.id.get_create_plist().get_nfilters()
    available = stored * _MAX_COMPRESSION if n_filters else stored
    declared = math.prod(item.shape) * item.dtype.itemsize
    _check_size(name, declared, available if stored <= size else 0, size, path)


def _check_size(name, declared, available, size, path):
    if declared > available:
        raise BackboneFileError(
            f"{path} is damaged: {name!r} declares {declared} bytes, which are not "
            f"in the file of {size} bytes."
        )


def layer_names(group):
    """List the names of the layers in a legacy group, None for any other group."""
    return _names(group, "layer_names")


def weight_names(group):
    """List the names of the weights of a layer in a legacy file."""
    return _names(group, "weight_names") or []


def _names(group, key):
    keys = [key]
    if key not in group.attrs:
        # HDF5 limits the size of attributes, so a long list is in key0, key1, ...
        parts = (f"{key}{i}" for i in itertools.count())
        keys = list(itertools.takewhile(group.attrs.__contains__, parts))
    if not keys:
        return None
    names = [name for part in keys for name in group.attrs[part]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]
