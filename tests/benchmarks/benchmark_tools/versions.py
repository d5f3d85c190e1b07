"""Versions of packages."""

from importlib.metadata import PackageNotFoundError, version


def versions(packages):
    """Names and versions of installed packages, by commas."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} of a checkout")
    return ", ".join(found)
