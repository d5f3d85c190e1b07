"""Public names of a package that are loaded on first use."""

from importlib import import_module


def lazy_names(namespace, modules):
    """Make the `__getattr__` and the `__dir__` of a package.

    Parameters
    ----------
    namespace : dict
        ``globals()`` of the package, with ``__all__``: the names of its public objects
        and submodules. Each object is added to it when it is loaded.
    modules : dict of str
        The module that defines each public object.

    Returns
    -------
    getattr : callable
        Loads an object or a submodule.
    dir : callable
        Lists the public names.
    """
    package = namespace["__name__"]

    def __getattr__(name):
        if name not in namespace["__all__"]:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if name not in modules:
            return import_module(f"{package}.{name}")
        namespace[name] = getattr(import_module(modules[name]), name)
        return namespace[name]

    def __dir__():
        return sorted(namespace["__all__"])

    return __getattr__, __dir__
