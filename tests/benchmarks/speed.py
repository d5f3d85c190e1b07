"""Speed and memory compared with neighbors; writes the table of the user guide.

    python tests/benchmarks/speed.py --cases table-grid,one-fit --repeats 3

Each case runs in a process of its own, its contenders in turn, and updates its part of
`speed.json` in the output folder; the picture is drawn from all of that file.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

# Small products of NumPy and scikit-learn lose by threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from speed_cases import CASES
from speed_cases.plot import curve_figure, ratio_figure
from speed_cases.process import in_fresh_process
from speed_cases.report import rst

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "user_guide"


def write_figures(results, folder):
    """Write the pictures of all results."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"ratios": ratio_figure(results), "curves": curve_figure(results)}
    for name, figure in figures.items():
        if figure is not None:
            figure.savefig(folder / f"speed_{name}.png", dpi=120)


def main():
    """Run cases, merge their results into the file and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=",".join(CASES), help="names, by commas")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memmap-gb", type=float, default=4.0, help="size of the file")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "speed")
    parser.add_argument("--docs", action="store_true", help="update the user guide")
    options = parser.parse_args()
    cases = [case for case in options.cases.split(",") if case]
    unknown = [case for case in cases if case not in CASES]
    if unknown:
        parser.error(f"unknown cases {unknown}; there are {', '.join(CASES)}")

    options.output.mkdir(parents=True, exist_ok=True)
    file = options.output / "speed.json"
    measured = json.loads(file.read_text()) if file.exists() else {}
    start, failed = time.perf_counter(), []
    for case in cases:
        try:
            measured[case] = in_fresh_process(
                "runner:run_case",
                case,
                {"repeats": options.repeats, "memmap_gb": options.memmap_gb},
            )
        except subprocess.CalledProcessError:
            failed.append(case)
        file.write_text(json.dumps(measured, indent=1))
    if cases:
        print(f"{time.perf_counter() - start:.0f} s in all", file=sys.stderr)
    results = {case: measured[case] for case in CASES if case in measured}
    write_figures(results, options.output)
    if options.docs:
        write_figures(results, GUIDE / "images")
        (GUIDE / "measured_speed.inc.rst").write_text(rst(results), encoding="utf-8")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
