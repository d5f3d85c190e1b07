"""Import of optional packages, with an error that says how to install them."""

import importlib


def import_extra(module, user, install):
    """Import an optional package.

    Parameters
    ----------
    module : str
        Module to import.
    user : str
        What needs it: the start of the error message.
    install : str
        What pip installs, such as "sktransfer[ot]".

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If the package cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{user} needs {module.partition('.')[0]}, which cannot be "
            f'imported ({error}). Install it: pip install "{install}"'
        ) from error
