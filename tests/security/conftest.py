"""A command in a process whose memory and time are measured and bounded."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

CHILD = """
import resource, sys, time
if {memory}:
    resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
before = resource.getrusage(resource.RUSAGE_SELF)
import kneeledger.pipeline.front, kneeledger.pipeline.doctor, kneeledger.cli.main_job, kneeledger.cli.explaining
import kneeledger.readers, polars
start = resource.getrusage(resource.RUSAGE_SELF)
from kneeledger.cli import main
try:
    main()
except SystemExit as done:
    status = done.code or 0
end = resource.getrusage(resource.RUSAGE_SELF)
seconds = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
sys.stderr.write(f"\\nUSED {{end.ru_maxrss - start.ru_maxrss}} {{seconds}}\\n")
sys.stderr.flush()
sys.exit(status)
"""


@pytest.fixture
def measured(tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """``measured("scan", path)``: status, stdout, stderr, memory above the imports [MiB], seconds of processor."""

    def run(*words: object, memory_bytes: int = 6 << 30, cwd: Path | None = None) -> SimpleNamespace:
        done = subprocess.run(
            [sys.executable, "-c", CHILD.format(memory=memory_bytes), *map(str, words)],
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=300,
            cwd=cwd or tmp_path,
            env=os.environ | {"PYTHONWARNINGS": "error::RuntimeWarning"},
            check=False,
        )
        stderr, _, used = done.stderr.rpartition("\nUSED ")
        assert used, done.stderr
        kib, seconds = used.split()[:2]
        return SimpleNamespace(
            status=done.returncode,
            stdout=done.stdout,
            stderr=stderr,
            mib=int(kib) / 1024,
            seconds=float(seconds),
        )

    return run


@pytest.fixture
def tried(measured: Callable[..., SimpleNamespace], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A file scanned and looked at by the doctor, both bounded and without a traceback; the scan's tally."""

    def run(path: Path, *, mib: float = 300, seconds: float = 10) -> dict[str, Any]:
        scan = measured("scan", path, "--ledger", tmp_path / "ledger", "--jobs", 1, "--format", "json")
        doctor = measured("doctor", path, "--format", "json")
        for done in (scan, doctor):
            assert "Traceback" not in done.stderr, done.stderr[-2000:]
            assert done.status in (0, 2)
            assert done.mib < mib
            assert done.seconds < seconds
        json.loads(doctor.stdout)
        return json.loads(scan.stdout)

    return run
