import inspect
import subprocess
import sys

import pytest

from sktransfer import plotting
from sktransfer.plotting._matplotlib import import_pyplot

# Of displays that neither an estimator nor its predictions are enough for.
SOURCES = ("report", "table")


def test_import_loads_neither_matplotlib_nor_tensorflow():
    code = (
        "import sys\n"
        "from sktransfer import plotting\n"
        "for name in plotting.__all__:\n"
        "    getattr(plotting, name)\n"
        "print({'matplotlib', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    heavy = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert heavy.stdout.strip() == "set()"


def test_public_names():
    assert dir(plotting) == sorted(plotting.__all__)
    for name in plotting.__all__:
        assert getattr(plotting, name).__name__ == name


@pytest.mark.parametrize("name", plotting.__all__)
def test_constructors_and_attributes_are_those_of_displays(name):
    display = getattr(plotting, name)
    assert any(hasattr(display, f"from_{kind}") for kind in ("estimator", *SOURCES))
    first, *_ = [*inspect.signature(display.plot).parameters.values()][1:]
    assert (first.name, first.default) == ("ax", None)
    assert first.kind is first.POSITIONAL_OR_KEYWORD


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "sktransfer\[plotting\]"'):
        import_pyplot()
    display = plotting.TrainingCurveDisplay(history={"stage": ["probe"], "loss": [1.0]})
    with pytest.raises(ImportError, match=r'pip install "sktransfer\[plotting\]"'):
        display.plot()
