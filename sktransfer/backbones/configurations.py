"""Configurations of Keras models, as plain data."""

import re

# Characters that TensorFlow rejects in names of layers.
INVALID_IN_NAMES = re.compile(r"[^A-Za-z0-9_.\\/>-]")


def canonical(config):
    """Replace the names of layers by numbers, so that names do not count.

    Parameters
    ----------
    config : dict
        From :func:`~sktransfer.backbones.graph.serialize`.

    Returns
    -------
    dict
    """
    names = {}

    def collect(key, value):
        if key == "name" and isinstance(value, str):
            names.setdefault(value, f"name_{len(names)}")
        # A dtype policy has a name, too.
        return None if key == "dtype" else value

    def rename(value, key=None):
        if isinstance(value, dict):
            return {k: v if k == "dtype" else rename(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [rename(v, "name") for v in value]
        if key == "name" and isinstance(value, str):
            return names.get(value, value)
        return value

    map_config(config, collect)
    return rename(config)


def map_config(value, change, key=None):
    """Change all values of a configuration.

    Parameters
    ----------
    value : dict, list or plain data
        Configuration, or a part of it.
    change : callable
        Called with the key and the value of each part; returns the new value.
    key : str or None, default=None
        Key of `value` in the configuration.

    Returns
    -------
    dict, list or plain data
    """
    value = change(key, value)
    if isinstance(value, dict):
        return {k: map_config(v, change, k) for k, v in value.items()}
    if isinstance(value, list):
        return [map_config(v, change) for v in value]
    return value
