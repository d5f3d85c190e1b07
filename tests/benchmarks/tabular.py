"""The network for tables compared with classifiers of scikit-learn, on real tables.

    pip install ".[test,benchmark]"
    python tests/benchmarks/tabular.py --out results.jsonl --report report.md

Each fit adds a line to the file of results, and what is in it is not run again: the
comparison can be stopped, gone on with, and extended by `--tables`, `--methods`,
`--sizes` and `--seeds`. Without anything left to run it writes the report alone:

    python tests/benchmarks/tabular.py --out results.jsonl --methods baselines
    python tests/benchmarks/tabular.py --out results.jsonl --methods ours --docs t.rst

The tables named development are others, which choices about the network were made by;
give their results a file of their own.

All methods have the same training rows and test rows. Those of scikit-learn have their
default settings, unless their name says otherwise.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmark_tools.names import chosen, numbers
from benchmark_tools.table import markdown, rst
from benchmark_tools.versions import versions
from tabular_cases import cost, domains, records
from tabular_cases.development import DEVELOPMENT
from tabular_cases.halves import CHOOSING, REPORT
from tabular_cases.methods import BASELINES, METHODS, OURS
from tabular_cases.report import all_tables, guide_tables
from tabular_cases.results import Results
from tabular_cases.run import run
from tabular_cases.splits import SIZES
from tabular_cases.tables import COMPARED


def main():
    """Run what is asked for, then write the report of the whole file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add(
        "--out",
        type=Path,
        default="results.jsonl",
        help="file of results, a JSON line a fit",
    )
    add(
        "--tables",
        default="small",
        help="names, small, development, choosing or report, by commas",
    )
    add("--methods", default="all", help="names, baselines, ours or all, by commas")
    sizes = ",".join(map(str, SIZES))
    add("--sizes", type=numbers, default=sizes, help="training rows, by commas")
    add("--seeds", type=numbers, default="0,1,2,3,4", help="of the splits, by commas")
    add("--jobs", type=int, default=2, help="processes at a time")
    add("--again", action="store_true", help="run what is in the file too")
    add("--cost", action="store_true", help="print what fits cost instead")
    add("--domains", action="store_true", help="print a source's worth instead")
    add("--weights", type=Path, help="of the network; give a file of results its own")
    add("--report", type=Path, help="file for all tables, in Markdown")
    add("--docs", type=Path, help="file for the tables of the user guide, in rst")
    options = parser.parse_args()
    if options.weights:
        # Processes that are spawned read it.
        os.environ["SKTRANSFER_TABULAR_WEIGHTS"] = str(options.weights.resolve())
    if options.cost or options.domains:
        table = (cost if options.cost else domains).measure()
        print(rst([table], [versions(["sktransfer", "keras", "tensorflow"])]))
        return
    tables = {"small": COMPARED, "development": DEVELOPMENT}
    tables |= {"choosing": CHOOSING, "report": REPORT}
    methods = {"all": METHODS, "baselines": BASELINES, "ours": OURS}
    run(
        chosen(options.tables, tables, parser),
        chosen(options.methods, methods, parser),
        options.sizes,
        options.seeds,
        file=options.out,
        jobs=options.jobs,
        again=options.again,
    )
    results = Results(records.read(options.out).values())
    if options.report:
        text = markdown(all_tables(results), results.versions)
        options.report.write_text(text, encoding="utf-8")
    if options.docs:
        text = rst(guide_tables(results), results.versions)
        options.docs.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
