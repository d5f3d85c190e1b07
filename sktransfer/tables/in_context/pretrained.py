"""The weights of the tabular network: those in the package, fresh ones, or a file's."""

import functools
import hashlib
from pathlib import Path

from sktransfer._random import preserve_random_state
from sktransfer.backbones.files import load_weights
from sktransfer.exceptions import BackboneFileError
from sktransfer.tables.in_context.network import make_network

PATH = Path(__file__).parent / "tabular.weights.h5"
SHA256 = "d2cb6e86fa2eea0ce4d2f84fd221842ac2d16ec206aff7849b92940c0b7dad61"
SIZES = {"width": 64, "n_blocks": 3, "n_heads": 4}


def network_weights(weights, seed):
    """Find the weights that a fit of the tabular network starts from.

    Parameters
    ----------
    weights : str, path-like or None
        "auto" for those of the package, None for fresh ones, or a weights file.
    seed : int
        Seed of fresh weights.

    Returns
    -------
    dict of str to ndarray
        By the path of the variable in the network.

    Raises
    ------
    BackboneFileError
        When the file is missing or damaged, or of another network.
    """
    if weights == "auto":
        return _own()
    if weights is None:
        return _by_path(_fresh(seed))
    path = Path(weights)
    stamp = path.stat() if path.exists() else None
    return _of_file(path, stamp and (stamp.st_mtime_ns, stamp.st_size))


def _fresh(seed):
    with preserve_random_state(seed):
        return make_network(**SIZES)


@functools.lru_cache(maxsize=4)
def _of_file(path, stamp):
    """Read a weights file, again when its `stamp` is another."""
    network = _fresh(0)
    load_weights(network, path)
    return _by_path(network)


@functools.cache
def _own():
    digest = hashlib.sha256(PATH.read_bytes()).hexdigest()
    if digest != SHA256:
        raise BackboneFileError(
            f"The weights of the tabular network in {PATH.name!r} are damaged: their "
            f"SHA-256 is {digest}, expected {SHA256}. Install sktransfer again."
        )
    return _of_file(PATH, None)


def _by_path(network):
    arrays = {variable.path: variable.numpy() for variable in network.weights}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays
