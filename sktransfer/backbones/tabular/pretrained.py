"""The weights of the tabular network: those in the package, fresh ones, or a file's."""

import functools
import hashlib
from pathlib import Path

from sktransfer.backbones._random import preserve_random_state
from sktransfer.backbones.files import load_weights
from sktransfer.backbones.tabular.network import make_network
from sktransfer.exceptions import BackboneFileError

PATH = Path(__file__).parent / "tabular.weights.h5"
SHA256 = "c58c3879c5f94c937cf3d038f25864fac2e5070680e5973571f3eaa3241505f1"
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
    with preserve_random_state(seed):
        network = make_network(**SIZES)
    if weights is not None:
        load_weights(network, weights)
    return _by_path(network)


@functools.cache
def _own():
    digest = hashlib.sha256(PATH.read_bytes()).hexdigest()
    if digest != SHA256:
        raise BackboneFileError(
            f"The weights of the tabular network in {PATH.name!r} are damaged: their "
            f"SHA-256 is {digest}, expected {SHA256}. Install sktransfer again."
        )
    return network_weights(PATH, seed=0)


def _by_path(network):
    arrays = {variable.path: variable.numpy() for variable in network.weights}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays
