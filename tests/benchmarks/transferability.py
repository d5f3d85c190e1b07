"""Scores of transferability compared with the accuracy of fine-tuned networks.

    pip install ".[test,benchmark]"
    python tests/benchmarks/transferability.py --out results.jsonl --report report.md

Networks that were trained on different rows, labels and changes of the embedded
digits, random networks, an ImageNet network and the raw inputs are candidates for
targets with few labels. Each is scored on the labeled rows, fine-tuned on the same,
and tested on the others. How well a score foretells the order of the accuracies is told
by Kendall's tau, and by its weighted form, to which the best candidates matter most.

Each fit adds a line to the file of results, and what is in it is not run again: the
comparison can be stopped, gone on with, and extended. Without anything left to run it
writes the report alone. Another number of labels needs a file of its own.
"""

import argparse
import os
import sys
from pathlib import Path

from benchmark_tools import settings

os.environ.update(settings.COMMON | settings.ONE_THREAD)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmark_tools.names import chosen, numbers
from benchmark_tools.table import markdown, rst
from transferability_cases.candidates import BACKBONES
from transferability_cases.report import all_tables, guide_tables, plot
from transferability_cases.results import Results
from transferability_cases.run import read, run
from transferability_cases.targets import TARGETS


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
    add("--targets", default="all", help="names, by commas; or all")
    add("--backbones", default="all", help="names, by commas; or all")
    add("--seeds", type=numbers, default="0,1,2,3,4", help="by commas")
    add("--labels", type=int, default=10, help="labeled rows of a class")
    add("--report", type=Path, help="file for all tables, in Markdown")
    add("--docs", type=Path, help="file for the tables of the user guide, in rst")
    add("--plot", type=Path, help="file for the plot, PNG")
    options = parser.parse_args()
    run(
        chosen(options.targets, {"all": list(TARGETS)}, parser),
        chosen(options.backbones, {"all": list(BACKBONES)}, parser),
        options.seeds,
        n_labels=options.labels,
        file=options.out,
    )
    results = Results(read(options.out).values())
    if not results.targets():
        parser.error(f"{options.out} has no results, and nothing was run")
    print(markdown(guide_tables(results), results.versions))
    if options.report:
        text = markdown(all_tables(results), results.versions)
        options.report.write_text(text, encoding="utf-8")
    if options.docs:
        text = rst(guide_tables(results), results.versions)
        options.docs.write_text(text, encoding="utf-8")
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
