import subprocess
import sys

import pytest

from sktransfer import plotting
from sktransfer.plotting._matplotlib import import_pyplot


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
    assert set(dir(plotting)) >= set(plotting.__all__)
    for name in plotting.__all__:
        assert getattr(plotting, name).__name__ == name
    with pytest.raises(AttributeError, match=r"'sktransfer.plotting' has no .* 'Plot'"):
        plotting.Plot  # noqa: B018


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"'sktransfer\[plotting\]' brings it"):
        import_pyplot()
    display = plotting.TrainingCurveDisplay(history={"stage": ["probe"], "loss": [1.0]})
    with pytest.raises(ImportError, match=r"'sktransfer\[plotting\]' brings it"):
        display.plot()
