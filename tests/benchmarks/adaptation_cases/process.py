"""Worker processes, seen from the process that gives them jobs."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from benchmark_tools import settings

_BENCHMARKS = Path(__file__).resolve().parents[1]


class Worker:
    """A process that runs jobs of one package, used as a context.

    Parameters
    ----------
    package : str
        "sktransfer", "adapt" or "skada".
    python : path-like or None
        Interpreter that has the package; None is this one.
    one_thread : bool
        Whether the process may use one core only.
    timeout : float
        Seconds after which a job is given up.
    """

    def __init__(self, package, python=None, *, one_thread=True, timeout=1800):
        self.package = package
        self.python = str(python or sys.executable)
        self.settings = settings.COMMON | (settings.ONE_THREAD if one_thread else {})
        self.timeout = timeout
        self._process = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ask(self, job):
        """Run a job and return its answer; a process that died is one with an error.

        Parameters
        ----------
        job : dict
            Arguments of :class:`~adaptation_cases.worker.Job`.

        Returns
        -------
        dict
            Keys seconds, proba and versions, or error.
        """
        if self._process is None:
            self._start()
        timer = threading.Timer(self.timeout, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        in_time = timer.is_alive()
        timer.cancel()
        if line:
            return json.loads(line)
        code, self._process = self._process.wait(), None
        if not in_time:
            return {"error": f"given up after {self.timeout:.0f} s"}
        self._messages.seek(0)
        last = self._messages.read().strip().splitlines()[-1:]
        return {"error": f"ended with code {code}: {''.join(last)}"}

    def _start(self):
        paths = [str(_BENCHMARKS), os.environ.get("PYTHONPATH")]
        path = os.pathsep.join(filter(None, paths))
        self._messages = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [self.python, "-m", "adaptation_cases.worker", self.package],
            env=os.environ | self.settings | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
        )
