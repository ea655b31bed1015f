"""Children that are killed: one process imports everything once, and forks a child for each piece of work."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

import pytest

ZYGOTE = """
import json, os, sys, traceback
from pathlib import Path
from kneeledger.pipeline import front, history, reports, settings
from kneeledger.pipeline import scan as scanning
import kneeledger.readers, kneeledger.reporting.html, kneeledger.charts, kneeledger.findings
import matplotlib.backends.backend_agg, matplotlib.backends.backend_svg
print("warm", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.setsid()
        status = 0
        try:
            exec(json.loads(line))
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stderr.flush()
        os._exit(status)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@dataclass
class Child:
    """A piece of work under way."""

    pid: int
    told: IO[str]

    def kill(self) -> bool:
        """Kill it and its workers as the kernel would; whether it had finished before."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # it has no group of its own yet
        return self.wait() == 0

    def wait(self) -> int:
        """Its status when it has ended."""
        return int(self.told.readline())


@pytest.fixture(scope="module")
def child() -> Iterator[Callable[[str], Child]]:
    """Begin `work` (statements of Python) in a child in which everything is imported."""
    process = subprocess.Popen(
        [sys.executable, "-c", ZYGOTE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"MPLBACKEND": "agg"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout
    assert stdout.readline() == "warm\n"

    def begin(work: str) -> Child:
        stdin.write(json.dumps(work) + "\n")
        stdin.flush()
        return Child(int(stdout.readline()), stdout)

    yield begin
    process.kill()
    process.communicate()
