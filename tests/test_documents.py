"""Texts that are written twice agree, and CONTRIBUTING.md names what is there."""

import inspect
import re
from pathlib import Path

import pytest

from sktransfer import DomainAdaptedClassifier, TransferClassifier

ROOT = Path(__file__).parents[1]
# Parameters whose text differs, and why.
DIFFERENT = {
    "backbone": "another default, and what 'tabular' does with two domains",
    "recipe": "only TransferClassifier fine-tunes 'tabular'",
    "learning_rate": "only TransferClassifier fine-tunes 'tabular'",
    "batch_size": "only TransferClassifier fine-tunes 'tabular'",
    "epochs": "only TransferClassifier fine-tunes 'tabular'",
}


def parameter_texts(estimator):
    """Return the text of each parameter in the docstring of a class."""
    section = re.search(
        r"^Parameters\n-+\n(.*?)\n\n\w[\w ]*\n-+\n",
        inspect.getdoc(estimator),
        re.MULTILINE | re.DOTALL,
    )
    _, *parts = re.split(r"^(\w+) : ", section[1], flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("estimator", [TransferClassifier, DomainAdaptedClassifier])
def test_each_parameter_is_documented_in_order(estimator):
    names = list(inspect.signature(estimator).parameters)
    assert list(parameter_texts(estimator)) == names


def test_shared_parameters_have_one_text():
    texts = parameter_texts(TransferClassifier)
    others = parameter_texts(DomainAdaptedClassifier)
    assert set(texts) < set(others)
    different = {name for name, text in texts.items() if others[name] != text}
    assert different == set(DIFFERENT)


@pytest.mark.skipif(
    not (ROOT / "CONTRIBUTING.md").is_file(), reason="not run from a checkout"
)
class TestContributing:
    def text(self):
        return (ROOT / "CONTRIBUTING.md").read_text()

    def test_named_files_exist(self):
        paths = re.findall(r"`([\w./]+(?:\.py|\.md|\.rst|/))`", self.text())
        assert len(paths) > 20
        roots = ROOT, ROOT / "sktransfer"
        missing = [p for p in paths if not any((root / p).exists() for root in roots)]
        assert missing == []

    def test_names_each_folder_and_module(self):
        package = ROOT / "sktransfer"
        modules = [path.name for path in package.glob("*.py")]
        folders = [f"{path.parent.name}/" for path in package.glob("*/__init__.py")]
        text = self.text()
        missing = [name for name in (*modules, *folders) if f"`{name}`" not in text]
        assert missing == []
