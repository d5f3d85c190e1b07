"""Adaptation methods compared on generated data and tables, with neighbors.

    pip install ".[test,benchmark]"
    python tests/benchmarks/adaptation.py --out results.jsonl --report report.md

Each fit adds a line to the file of results, and what is in it is not run again: the
comparison can be stopped, gone on with, and extended by `--cases`, `--methods` and
`--seeds`. Without anything left to run it writes the report alone.

ADAPT and SKADA install beside us with the extra `peers`, or live in an environment of
their own, which needs that extra's packages only:

    python tests/benchmarks/adaptation.py --out results.jsonl --methods neighbors \\
        --peer-python other/bin/python
    python tests/benchmarks/adaptation.py --out results.jsonl --speed
"""

import argparse
import os
from pathlib import Path

# Small products of NumPy and scikit-learn lose by threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from adaptation_cases import records, speed
from adaptation_cases.cases import CASES
from adaptation_cases.methods import MAPPED, NEIGHBOURS, OURS, REFERENCES
from adaptation_cases.report import all_tables, guide_tables
from adaptation_cases.results import Results
from adaptation_cases.run import run
from benchmark_tools.names import chosen
from benchmark_tools.table import markdown, rst

METHODS = {
    "ours": [*REFERENCES, *OURS],
    "mapped": list(MAPPED),
    "neighbors": list(NEIGHBOURS),
}


def by_family():
    """Names of the cases of each family, and of all of them."""
    families = {"all": list(CASES)}
    for name, case in CASES.items():
        families.setdefault(case.family, []).append(name)
    return families


def main():
    """Run what is asked for, then write the report of the whole file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--out", type=Path, required=True, help="file of results, a JSON line a fit")
    add("--cases", default="all", help="names or families, by commas; or all")
    add("--methods", default="ours", help="names, ours, mapped or neighbors, by commas")
    add("--seeds", default="0,1,2,3,4", help="by commas")
    add("--epochs", type=int, default=50)
    add("--jobs", type=int, default=2, help="processes at a time")
    add("--again", action="store_true", help="run what is in the file too")
    add("--peer-python", type=Path, help="interpreter with ADAPT and SKADA")
    add("--speed", action="store_true", help="time DANN instead")
    add("--repeats", type=int, default=5, help="of each time")
    add("--report", type=Path, help="file for all tables, in Markdown")
    add("--docs", type=Path, help="file for the tables of the user guide, in rst")
    options = parser.parse_args()
    common = {"epochs": options.epochs, "peer_python": options.peer_python}
    if options.speed:
        speed.measure(options.out, repeats=options.repeats, **common)
    else:
        run(
            chosen(options.cases, by_family(), parser),
            chosen(options.methods, METHODS, parser),
            [int(seed) for seed in options.seeds.split(",") if seed],
            file=options.out,
            jobs=options.jobs,
            again=options.again,
            **common,
        )
    fits, times = records.read(options.out)
    results = Results(fit for fit in fits.values() if fit["epochs"] == options.epochs)
    times = [time for time in times.values() if time["epochs"] == options.epochs]
    if options.report:
        tables = all_tables(results, times)
        options.report.write_text(markdown(tables, results.versions), encoding="utf-8")
    if options.docs:
        tables = guide_tables(results, times)
        options.docs.write_text(rst(tables, results.versions), encoding="utf-8")


if __name__ == "__main__":
    main()
