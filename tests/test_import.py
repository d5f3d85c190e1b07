import importlib.metadata
import subprocess
import sys

import pytest

import sktransfer

PUBLIC_NAMES = {
    "Backbone",
    "BackboneFeatures",
    "DomainAdaptedClassifier",
    "Recipe",
    "TransferClassifier",
    "feature_store",
    "transfer_report",
    "soup",
}


def run_python(code):
    """Standard output of `code` in a process that has imported nothing yet."""
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_import_loads_neither_tensorflow_nor_keras():
    heavy = run_python(
        "import sys, sktransfer; dir(sktransfer); "
        "print({'tensorflow', 'keras', 'h5py'} & set(sys.modules))"
    )
    assert heavy == "set()"


def test_import_loads_no_other_module_of_the_package():
    loaded = run_python(
        "import sys, sktransfer; "
        "print([name for name in sys.modules if name.startswith('sktransfer.')])"
    )
    assert loaded == "[]"


def test_public_names_are_listed_before_they_are_loaded():
    assert set(sktransfer.__all__) == PUBLIC_NAMES
    assert set(dir(sktransfer)) >= PUBLIC_NAMES | {"__version__"}


@pytest.mark.parametrize("name", sorted(PUBLIC_NAMES - {"feature_store"}))
def test_public_names_load(name):
    assert getattr(sktransfer, name).__name__ == name


def test_the_feature_store_loads_no_tensorflow():
    heavy = run_python(
        "import sys, sktransfer; sktransfer.feature_store.clear(); "
        "print({'tensorflow', 'keras', 'sklearn'} & set(sys.modules))"
    )
    assert heavy == "set()"


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="'sktransfer' has no attribute 'Nothing'"):
        sktransfer.Nothing  # noqa: B018


def test_version_is_that_of_the_installed_package():
    try:
        installed = importlib.metadata.version("sktransfer")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("sktransfer is not installed here")
    assert sktransfer.__version__ == installed
