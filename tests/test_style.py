import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(
    not (ROOT / "pyproject.toml").is_file(), reason="not run from a checkout"
)
@pytest.mark.parametrize("command", [["check"], ["format", "--check", "--diff"]])
def test_ruff(command):
    ruff = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ruff.returncode == 0, f"\n{ruff.stdout}{ruff.stderr}"


# A standard term says the same more clearly. A phrase may cross the end of a line.
UNCLEAR = [
    "told",
    "speaks for",
    "takes as",
    "going on",
    "of more",
    "made up",
    "knows none",
    "asked for",
    "is worth",
    "share of",
    "shares of",
]
BRITISH = ["labelled", "standardis", "normalis", "neighbour", "colour"]


def test_no_unclear_words():
    phrases = "|".join(phrase.replace(" ", r"[\s#]+") for phrase in UNCLEAR)
    pattern = re.compile(rf"\b({phrases})\b|{'|'.join(BRITISH)}", re.IGNORECASE)
    hits = []
    for path in sorted((ROOT / "sktransfer").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            hits.append(f"{path.relative_to(ROOT)}:{line}: {match[0]!r}")
    assert not hits, "\n".join(hits)
