"""The scripts in examples/ run from any folder and show what they promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run_example(tmp_path):
    """Run a script in an empty folder; return what it prints."""

    def run(name):
        folder, temporary = tmp_path / "folder", tmp_path / "temporary"
        folder.mkdir()
        temporary.mkdir()
        paths = [str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")]
        done = subprocess.run(
            [sys.executable, ROOT / "examples" / name],
            cwd=folder,
            env=os.environ
            | {
                "MPLBACKEND": "agg",
                "PYTHONIOENCODING": "utf-8",
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                "TMPDIR": str(temporary),
            },
            capture_output=True,
            encoding="utf-8",
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        assert list(folder.iterdir()) == []
        return done.stdout

    return run


def is_plot_saved(output):
    path = re.search(r"^plot saved to (.+\.png)$", output, re.M)
    return path is not None and Path(path[1]).stat().st_size > 10_000


def test_quickstart(run_example):
    output = run_example("quickstart.py")
    assert "equal backbones: True" in output
    table = {
        int(line.split()[0]): [float(x) for x in re.findall(r"(\d+\.\d) ±", line)]
        for line in output.splitlines()
        if "±" in line and line.split()[0].isdigit()
    }
    assert list(table) == [1, 2, 5, 10, 20]
    for n_labels in (1, 2, 5):
        scratch, _, unchanged, probe, _, lp_ft = table[n_labels]
        assert unchanged < 10 < scratch < min(probe, lp_ft)
    assert re.search(r"scratch needs (\d+\.\d|more than 20) a class", output)
    assert "Not every transfer helps" in output
    assert re.search(r"^best frozen_depth=\S+, learning_rate=\S+: \d", output, re.M)
    assert is_plot_saved(output)


@pytest.mark.slow
def test_source_table(run_example):
    output = run_example("plot_source_table.py")
    few = re.search(r"^less alone +([+-]\d+\.\d)", output, re.M)
    assert float(few[1]) > 0
    assert is_plot_saved(output)


@pytest.mark.slow
def test_domain_adaptation_digits(run_example):
    output = run_example("plot_domain_adaptation_digits.py")
    target = {
        name: float(re.search(rf"^{name} .* (\d+\.\d) ±\S+$", output, re.M)[1])
        for name in ("source_only", "dan", "mcc")
    }
    assert target["source_only"] + 5 < target["dan"]
    assert target["source_only"] + 20 < target["mcc"]
    assert is_plot_saved(output)


@pytest.mark.slow
def test_interpolate_and_soup(run_example):
    output = run_example("plot_interpolate_and_soup.py")
    rows = re.findall(r"^(\S+ .*?) {2,}(\d+\.\d) +(\d+\.\d)$", output, re.M)
    (old_start, new_start), (old_end, new_end), (old, new), best, souped = (
        map(float, row[1:]) for row in rows
    )
    assert old_start > old_end + 5
    assert new_end > new_start + 20
    # In between on both domains.
    assert old_end < old < old_start
    assert new_start < new < new_end
    # Validation rows are few; the soup is no worse there.
    assert list(souped)[1] > list(best)[1] - 2
    assert is_plot_saved(output)


@pytest.mark.slow
def test_choose_backbone(run_example):
    output = run_example("plot_choose_backbone.py")
    accuracy = {
        name: float(re.search(rf"^{name}: .*?(\d+\.\d)%$", output, re.M)[1])
        for name in ("ranked first", "truly best", "mean of all")
    }
    assert accuracy["mean of all"] + 2 < accuracy["ranked first"]
    assert accuracy["truly best"] - 3 < accuracy["ranked first"]
    assert float(re.search(r"Kendall's tau (\S+)", output)[1]) > 0.2
    assert is_plot_saved(output)


@pytest.mark.slow
def test_frozen_depth(run_example):
    output = run_example("plot_frozen_depth.py")
    unchanged = float(re.search(r"as it is: (\S+)%", output)[1])
    found, _, frozen = (
        float(re.search(rf"{name} (\d+\.\d)%", output)[1])
        for name in ("found", "the defaults", "all frozen")
    )
    assert unchanged + 10 < frozen < found - 3
    assert is_plot_saved(output)


@pytest.mark.slow
def test_label_shift_table(run_example):
    output = run_example("plot_label_shift_table.py")
    rows = re.findall(r"^ +(\d+)%(( +\d+\.\d){6})$", output, re.M)
    assert [share for share, *_ in rows] == ["10", "30", "50", "70", "90"]
    for share, cells, _ in rows:
        share = float(share)
        plain_share, plain, em_share, em, bbse_share, bbse = map(float, cells.split())
        assert max(abs(em_share - share), abs(bbse_share - share)) < 8
        assert min(em, bbse) > plain - 3
        if share in (10, 90):
            assert abs(plain_share - share) > 10
            assert min(em, bbse) > plain + 4
    assert is_plot_saved(output)


@pytest.mark.slow
def test_label_free_search(run_example):
    output = run_example("plot_label_free_search.py")
    table = {
        name: [float(cell) for cell in cells.split()]
        for name, cells in re.findall(r"^(\w+)((?: +-?\d+\.\d+){3})$", output, re.M)
    }
    worst = float(re.search(r"^source only: (\S+) to", output, re.M)[1])
    assert table["truth"][0] == max(cells[0] for cells in table.values())
    # By how much depends on the last bits, which processors do not share.
    assert table["ClassAMIScorer"][0] > worst
    assert table["InfoMaxScorer"][0] + 10 < table["InfoMaxScorer"][1]
    assert is_plot_saved(output)


def test_finetune_h5_without_matplotlib(run_example, tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not installed')\n")
    output = run_example("plot_finetune_h5.py")
    first = re.search(r"^loss of first epoch +(\d\.\d+) +(\d\.\d+)$", output, re.M)
    assert float(first[1]) < 0.5 * float(first[2])
    assert "file unchanged: True; second fit equals the first: True" in output
    assert 'pip install ".[plotting]"' in output


@pytest.mark.slow
def test_few_labels(run_example):
    output = run_example("plot_few_labels.py")
    losses = {}
    for line in output.splitlines():
        name, *values = line.split()
        if name in ("tabular", "logistic", "forest"):
            losses.setdefault(name, []).append([float(value) for value in values])
    assert [len(rows) for rows in losses.values()] == [3, 3, 3]
    # Of wine and iris.
    means = {name: sum(map(sum, rows[1:])) for name, rows in losses.items()}
    assert means["tabular"] < min(means["logistic"], means["forest"])
    assert is_plot_saved(output)


@pytest.mark.slow
def test_transfer_report(run_example):
    output = run_example("plot_transfer_report.py")
    helps, hurts = re.split(r"^digits 0-4 to digits 5-9$", output, flags=re.M)
    assert re.search(r"^Transfer: helps at 20", helps, re.M)
    assert re.search(r"^scratch: helps at 20, 50, 100$", helps, re.M)
    assert re.search(r"^Transfer: negative transfer at", hurts, re.M)
    gains = [float(gain) for gain in re.findall(r" scratch +([+-]\d\.\d+)", hurts)]
    assert len(gains) == 3
    assert gains[2] < -0.03
    assert is_plot_saved(output)
