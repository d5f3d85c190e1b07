"""Functions in a fresh Python process, where nothing is compiled or loaded yet."""

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1]


def in_fresh_process(function, *arguments):
    """Call a function of this package in a new process.

    Parameters
    ----------
    function : str
        As "module:name".
    *arguments
        What JSON can hold.

    Returns
    -------
    What the function returned, through JSON.
    """
    paths = [str(BENCHMARKS), str(BENCHMARKS.parent), os.environ.get("PYTHONPATH")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        subprocess.run(
            [sys.executable, "-m", __name__, function, json.dumps(arguments), result],
            env=environment,
            check=True,
        )
        return json.loads(result.read_text())


def _main(function, arguments, result):
    module, name = function.split(":")
    module = importlib.import_module(f"speed_cases.{module}")
    returned = getattr(module, name)(*json.loads(arguments))
    Path(result).write_text(json.dumps(returned))


if __name__ == "__main__":
    _main(*sys.argv[1:])
