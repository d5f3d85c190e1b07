"""The code and the commands in README.md work as they stand."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PYTHON_BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.M | re.S)


def test_readme_has_code():
    assert PYTHON_BLOCKS


@pytest.mark.parametrize("code", PYTHON_BLOCKS)
def test_readme_code_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(README), "exec"), {"__name__": "readme"})


def test_readme_has_one_test_command():
    """The continuous integration script runs the line that this finds."""
    commands = re.findall(r"^pip install .*&& pytest$", README.read_text(), re.M)
    assert commands == ['pip install ".[test]" && pytest']


def test_scripts_named_in_readme_exist():
    scripts = re.findall(r"python ((?:examples|tests)/\S+\.py)", README.read_text())
    assert scripts
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
