"""The network for tables compared with other classifiers, on real tables.

    pip install ".[test,benchmark]"
    python tests/benchmarks/tabular.py --jobs 1

Each fit adds a line to the file of results, docs/benchmarks/tabular.jsonl unless
`--out` names another. What is in it is not run again: the comparison can be stopped,
continued, and extended by `--tables`, `--methods`, `--sizes` and `--seeds`. The report
has the results of these names alone, and `--no-run` writes it without a fit:

    python tests/benchmarks/tabular.py --tables report --no-run \
        --report report.md --figure report.png

There are four groups of tables. "choosing" and "report" are the halves of 30 tables,
most of them with more than 5,000 rows: choose by the first, and report the second.
"small" are the 19 small tables of the guide. "development" are 34 others, which choices
about the network were made by. Give the results of these two files of their own:

    python tests/benchmarks/tabular.py --tables small --sizes 20,50,200,1000 \
        --seeds 0,1,2,3,4 --out small.jsonl --docs measured_tabular.inc.rst

All methods have the same training rows and test rows. Those of scikit-learn have their
default settings, unless their name says otherwise. The methods of the group "peers"
need the extra of that name. The size 20000 is at most that many training rows, for
tables with more than 5,000.
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
from tabular_cases.figure import log_loss_by_rows
from tabular_cases.halves import CHOOSING, REPORT
from tabular_cases.methods import BASELINES, METHODS, OURS, PEERS
from tabular_cases.report import all_tables, guide_tables
from tabular_cases.results import Results
from tabular_cases.run import run
from tabular_cases.splits import SIZES
from tabular_cases.tables import COMPARED

_RESULTS = Path(__file__).parents[2] / "docs" / "benchmarks" / "tabular.jsonl"
_TABLES = {
    "choosing": CHOOSING,
    "report": REPORT,
    "small": COMPARED,
    "development": DEVELOPMENT,
}
_METHODS = {"baselines": BASELINES, "ours": OURS, "peers": PEERS, "all": METHODS}


def main():
    """Run the fits that are chosen, then write their report."""
    parser = _parser()
    options = parser.parse_args()
    if options.weights:
        # Processes that are spawned read it.
        os.environ["SKTRANSFER_TABULAR_WEIGHTS"] = str(options.weights.resolve())
    if options.cost or options.domains:
        table = (cost if options.cost else domains).measure()
        print(rst([table], [versions(["sktransfer", "keras", "tensorflow"])]))
        return
    names = {
        "table": chosen(options.tables, _TABLES, parser),
        "method": chosen(options.methods, _METHODS, parser),
        "size": options.sizes,
        "seed": options.seeds,
    }
    if not options.no_run:
        fits = {"file": options.out, "jobs": options.jobs, "again": options.again}
        run(*names.values(), **fits)
    results = Results(
        record
        for record in records.read(options.out).values()
        if all(record[key] in values for key, values in names.items())
    )
    if options.report:
        text = markdown(all_tables(results), results.versions)
        options.report.write_text(text, encoding="utf-8")
    if options.docs:
        text = rst(guide_tables(results), results.versions)
        options.docs.write_text(text, encoding="utf-8")
    if options.figure:
        log_loss_by_rows(results).savefig(options.figure, dpi=150)


def _parser():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add, sizes = parser.add_argument, ",".join(map(str, SIZES))
    add(
        "--out",
        type=Path,
        default=_RESULTS,
        help="file of results, a JSON line a fit",
    )
    groups = ", ".join(_TABLES)
    add("--tables", default="choosing,report", help=f"names or {groups}, by commas")
    groups = ", ".join(_METHODS)
    add("--methods", default="baselines,ours", help=f"names or {groups}, by commas")
    add("--sizes", type=numbers, default=sizes, help="training rows, by commas")
    add("--seeds", type=numbers, default="0,1,2", help="of the splits, by commas")
    add("--jobs", type=int, default=2, help="processes at a time")
    add("--again", action="store_true", help="run what is in the file too")
    add("--no-run", action="store_true", help="write the report alone")
    add("--cost", action="store_true", help="print what fits cost instead")
    add("--domains", action="store_true", help="print a source's worth instead")
    add("--weights", type=Path, help="of the network; give a file of results its own")
    add("--report", type=Path, help="file for all tables, in Markdown")
    add("--docs", type=Path, help="file for the tables of the user guide, in rst")
    add("--figure", type=Path, help="file for the log loss by rows, a picture")
    return parser


if __name__ == "__main__":
    main()
