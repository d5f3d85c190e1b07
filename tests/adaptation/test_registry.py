"""The registry of the methods, and the public names of the package."""

import subprocess
import sys
from pathlib import Path

import pytest

from sktransfer import adaptation
from sktransfer.adaptation import DANN, AdaptationMethod
from sktransfer.adaptation.registry import METHODS, method_class, resolve_method


@pytest.mark.parametrize("name", METHODS)
def test_each_name_is_a_public_class(name):
    method = resolve_method(name)
    assert isinstance(method, AdaptationMethod)
    assert getattr(adaptation, type(method).__name__) is method_class(name)
    assert "trade_off : float" in type(method).__doc__


def test_each_file_has_a_line_in_the_registry():
    folder = Path(adaptation.__file__).parent / "methods"
    files = {f"methods.{path.stem}" for path in folder.glob("[!_]*.py")}
    assert {module for module, _ in METHODS.values()} == files | {"default"}


def test_public_names():
    expected = {class_name for _, class_name in METHODS.values()}
    expected |= {"AdaptationMethod", "DomainBatch", "Phase"}
    assert set(dir(adaptation)) == expected == set(adaptation.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        adaptation.Nothing  # noqa: B018


def test_names_are_listed_without_tensorflow():
    code = (
        "import sys, sktransfer.adaptation as a; assert 'DANN' in dir(a); "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("source-only", "source_only"),
        ("domain_standardise", "domain_standardize"),
        ("DANN", "dann"),
        ("labelshift", "label_shift"),
    ],
)
def test_other_names(name, suggestion):
    with pytest.raises(ValueError, match=f"Did you mean {suggestion!r}") as raised:
        resolve_method(name)
    assert f"method={name!r} is not known" in str(raised.value)


def test_objects():
    method = DANN()
    assert resolve_method(method) is method
    with pytest.raises(TypeError, match="of type ABCMeta; expected a name"):
        resolve_method(DANN)
    with pytest.raises(ValueError, match="The 'trade_off' parameter of DANN must be"):
        resolve_method(DANN(-1))
