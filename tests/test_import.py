import importlib.metadata
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sktransfer

PUBLIC_NAMES = {
    "Backbone",
    "BackboneFeatures",
    "CacheInfo",
    "DomainAdaptedClassifier",
    "FeatureStore",
    "LayersTable",
    "Recipe",
    "ResultsTable",
    "TransferClassifier",
    "cache_info",
    "clear_caches",
    "feature_store",
    "rank_backbones",
    "rank_sources",
    "soup",
    "transfer_report",
}
SUBPACKAGES = {
    "adaptation",
    "datasets",
    "exceptions",
    "model_selection",
    "plotting",
    "preprocessing",
    "transferability",
}
ROOT = Path(__file__).parents[1]


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
    assert loaded == "['sktransfer._lazy']"


def test_public_names_are_listed_before_they_are_loaded():
    names = PUBLIC_NAMES | SUBPACKAGES | {"__version__"}
    assert sorted(names) == sktransfer.__all__ == dir(sktransfer)


def test_subpackages_are_attributes():
    """Without an import of their own, and without TensorFlow."""
    heavy = run_python(
        "import sys, sktransfer\n"
        f"for name in {sorted(SUBPACKAGES - {'adaptation'})}:\n"
        "    package = getattr(sktransfer, name)\n"
        "    assert dir(package) == sorted(package.__all__), name\n"
        "print({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules))\n"
        "sktransfer.adaptation.DAN"
    )
    assert heavy == "set()"


@pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="not run from a checkout")
def test_each_public_object_has_one_documented_path():
    lines = (ROOT / "docs" / "api.rst").read_text().splitlines()
    paths = [line.strip() for line in lines if re.fullmatch(r"   [a-zA-Z_.]+", line)]
    documented = [pydoc.locate(f"sktransfer.{path}") for path in paths]
    assert len({*map(id, documented)}) == len(documented)
    public = [getattr(sktransfer, name) for name in PUBLIC_NAMES - {"feature_store"}]
    for name in SUBPACKAGES:
        package = getattr(sktransfer, name)
        public += [getattr(package, each) for each in package.__all__]
    public.append(pydoc.locate("sktransfer.adaptation.task.DomainTask"))
    assert {*map(id, documented)} == {*map(id, public)}


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
