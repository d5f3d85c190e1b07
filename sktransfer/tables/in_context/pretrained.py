"""Weights of the table network: pretrained, fresh, or from a file."""

import hashlib
from pathlib import Path

from sktransfer._caches import cached
from sktransfer._random import preserve_random_state
from sktransfer.backbones.files import load_weights
from sktransfer.exceptions import BackboneFileError
from sktransfer.tables.in_context.network import make_network

PATH = Path(__file__).parent / "tabular.weights.h5"
SHA256 = "d2cb6e86fa2eea0ce4d2f84fd221842ac2d16ec206aff7849b92940c0b7dad61"
SIZES = {"width": 64, "n_blocks": 3, "n_heads": 4}


def network_weights(weights, seed):
    """Return the weights from which a fit of the table network starts.

    Parameters
    ----------
    weights : str, path-like or None
        "auto" for the pretrained weights of the package, None for fresh weights, or
        the path of a weights file.
    seed : int
        Seed of fresh weights.

    Returns
    -------
    dict of str to ndarray
        Weights by the path of the variable in the network.

    Raises
    ------
    BackboneFileError
        When the file is missing, damaged or not a weights file.
    WeightsMismatchError
        When the weights in the file do not fit the network.
    """
    if weights is None:
        return _by_path(_fresh_network(seed))
    path = PATH if weights == "auto" else Path(weights)
    status = path.stat() if path.exists() else None
    return _read(path, status and (status.st_mtime_ns, status.st_size))


def _fresh_network(seed):
    with preserve_random_state(seed):
        return make_network(**SIZES)


def _nbytes(arrays):
    return sum(array.nbytes for array in arrays.values())


@cached("weights of table networks", 1 << 23, _nbytes)
def _read(path, version):
    """Read a weights file; another `version` of the file is read again."""
    if path == PATH:
        _check_digest()
    network = _fresh_network(0)
    load_weights(network, path)
    return _by_path(network)


def _check_digest():
    digest = hashlib.sha256(PATH.read_bytes()).hexdigest()
    if digest != SHA256:
        raise BackboneFileError(
            f"The weights of the table network in {PATH.name!r} are damaged: their "
            f"SHA-256 is {digest}, expected {SHA256}. Install sktransfer again."
        )


def _by_path(network):
    arrays = {variable.path: variable.numpy() for variable in network.weights}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays
