"""Fingerprints of backbones: equal ones give the same results."""

import hashlib
import json

import numpy as np

from sktransfer.backbones.configurations import canonical


def architecture_fingerprint(config):
    """Compute the SHA-256 of an architecture, whatever its layers are called.

    Parameters
    ----------
    config : dict
        From :func:`~sktransfer.backbones.graph.serialize`.

    Returns
    -------
    str
    """
    return _digest(json.dumps(canonical(config), sort_keys=True).encode())


def fingerprint(backbone):
    """Compute the SHA-256 of an architecture, its weights and its standardization.

    Parameters
    ----------
    backbone : Backbone
        The network.

    Returns
    -------
    str
    """
    arrays = [*backbone.weights, *(backbone.head or ())]
    if backbone.classes is not None:
        arrays.append(backbone.classes.astype(str))
    if backbone.standardization is not None:
        arrays += backbone.standardization.arrays
    parts = [backbone.architecture_fingerprint, str(backbone.pretrained)]
    for array in arrays:
        parts += [str(array.dtype), str(array.shape), _digest(array)]
    return _digest("\n".join(parts).encode())


def _digest(data):
    if isinstance(data, np.ndarray):
        data = np.ascontiguousarray(data).view(np.uint8) if data.size else b""
    return hashlib.sha256(data).hexdigest()
