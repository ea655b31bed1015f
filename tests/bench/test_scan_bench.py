"""A scan from files to ledger: activities a second a core, two processes, one file more, nothing new, memory.

Run by hand; other work on the machine moves the seconds, so what is asserted is ratios of one run::

    pytest tests/bench/test_scan_bench.py --benchmark-only -s -m ""
    KNEELEDGER_BENCH=2000 pytest tests/bench/test_scan_bench.py --benchmark-only -s -m ""

The history is made up by ``fixtures/recipe.py`` (1 Hz, an hour on average). Each scan runs in a process of
its own, as a user's does, and tells its CPU time and its peak memory above the imports.
"""

import importlib.util
import io
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kneeledger import executors

ROOT = Path(__file__).resolve().parents[2]
ACTIVITIES = int(os.environ.get("KNEELEDGER_BENCH", "200"))
PEER_FILES = 6
"""Files for the readers in pure Python, which take seconds each."""
pytestmark = pytest.mark.slow

WRITE = """
import sys
sys.path.insert(0, sys.argv[1])
if __name__ == "__main__":
    from recipe import write_history
    write_history(sys.argv[2], activities=int(sys.argv[3]), seed=1, processes=2)
"""
SCAN = """
import json, resource, sys, time
if __name__ == "__main__":
    from pathlib import Path
    from kneeledger import config
    from kneeledger.ledger.store import Ledger
    from kneeledger.pipeline import scan, settings
    def peak_mb():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    export, folder, jobs = sys.argv[1:4]
    before, wall, cpu = peak_mb(), time.perf_counter(), time.process_time()
    with Ledger(folder) as ledger:
        result = scan.scan(
            [Path(export)], ledger, athlete="me", config=config.load(settings.SETTINGS), jobs=int(jobs)
        )
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "workers_cpu_s": children.ru_utime + children.ru_stime,
        "imports_mb": before,
        "peak_mb": peak_mb(),
        "worker_peak_mb": children.ru_maxrss / 1024,
        "read": result.read, "unchanged": result.unchanged, "failed": result.failed,
    }))
"""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files, oldest named first; kept between runs where KNEELEDGER_BENCH_HISTORY names a folder."""
    kept = os.environ.get("KNEELEDGER_BENCH_HISTORY")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("history")
    if len(list(folder.glob("*.fit"))) < ACTIVITIES:
        script = tmp_path_factory.mktemp("script") / "write.py"
        script.write_text(WRITE)
        subprocess.run(
            [sys.executable, str(script), str(ROOT / "fixtures"), str(folder), str(ACTIVITIES)], check=True
        )
    return folder


def scanned(export: Path, ledger: Path, jobs: int = 1) -> dict[str, Any]:
    """One scan in a process of its own."""
    script = ledger.parent / "scan.py"
    script.write_text(SCAN)
    done = subprocess.run(
        [sys.executable, str(script), str(export), str(ledger), str(jobs)],
        check=True, capture_output=True, text=True, cwd=ledger.parent, env=executors.ARITHMETIC | os.environ,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def sample(history: Path, folder: Path, count: int) -> Path:
    """A folder of links to some of the files, spread over the history."""
    folder.mkdir()
    files = sorted(history.glob("*.fit"))
    for file in files[:: max(1, len(files) // count)][:count]:
        os.link(file, folder / file.name)
    return folder


def test_cold_scan_one_more_and_nothing_new(
    history: Path, tmp_path: Path, benchmark: Callable[..., Any]
) -> None:
    files = sorted(history.glob("*.fit"))[:ACTIVITIES]
    export = tmp_path / "export"
    export.mkdir()
    for file in files[:-1]:
        os.link(file, export / file.name)
    ledger = tmp_path / "ledger"
    cold = benchmark.pedantic(scanned, args=(export, ledger), rounds=1)
    idle = scanned(export, ledger)
    os.link(files[-1], export / files[-1].name)
    more = scanned(export, ledger)
    count = cold["read"]
    print(f"\n{count} activities: {1e3 * cold['cpu_s'] / count:.1f} ms of CPU each, ", end="")
    print(f"{count / cold['cpu_s']:.0f} a second a core, {cold['peak_mb']:.0f} MB at most", end="")
    print(f" ({cold['peak_mb'] - cold['imports_mb']:.0f} above the imports)")
    print(f"nothing new: {idle['wall_s']:.2f} s, {idle['cpu_s']:.2f} s of CPU")
    print(f"one more: {more['wall_s']:.2f} s, {more['cpu_s']:.2f} s of CPU")
    assert (count, idle["read"], more["read"]) == (len(files) - 1, 0, 1)
    assert idle["unchanged"] == count
    assert not cold["failed"]
    assert cold["peak_mb"] < 400
    # what does not depend on the machine: both cost no more than some dozens of activities
    assert idle["cpu_s"] < 30 * cold["cpu_s"] / count + 1e-4 * count
    assert more["cpu_s"] < 60 * cold["cpu_s"] / count + 1e-3 * count


def test_two_processes(history: Path, tmp_path: Path, benchmark: Callable[..., Any]) -> None:
    export = sample(history, tmp_path / "export", ACTIVITIES)
    one = scanned(export, tmp_path / "one")
    two = benchmark.pedantic(scanned, args=(export, tmp_path / "two", 2), rounds=1)
    together = two["cpu_s"] + two["workers_cpu_s"]
    print(
        f"\none process {one['wall_s']:.1f} s; two {two['wall_s']:.1f} s: {one['wall_s'] / two['wall_s']:.2f}"
    )
    print(
        f"CPU in all: one {one['cpu_s']:.1f} s; two {together:.1f} s, of which {two['cpu_s']:.1f} s gathering"
    )
    # On a machine with two free cores the gain follows from these two; wall clock only shows it there.
    assert two["cpu_s"] < 0.35 * together
    assert together < 1.5 * one["cpu_s"] + 8


def test_where_a_millisecond_goes(history: Path, tmp_path: Path, benchmark: Callable[..., Any]) -> None:
    stages = benchmark.pedantic(by_stage, args=(history, tmp_path), rounds=1)
    whole = sum(stages.values())
    for name, seconds in stages.items():
        print(f"\n{name:>8} {1e3 * seconds:6.2f} ms  {seconds / whole:4.0%}", end="")
    print(f"\n{'all':>8} {1e3 * whole:6.2f} ms")
    assert stages["read"] < 0.5 * whole


def by_stage(history: Path, tmp_path: Path) -> dict[str, float]:
    """CPU time of each stage of an activity, the better of two passes [s]."""
    from kneeledger import analyzers, config, exports, preparation, readers
    from kneeledger.ledger import rows
    from kneeledger.ledger.store import Ledger, write_segment
    from kneeledger.model import Source
    from kneeledger.pipeline import settings

    export = sample(history, tmp_path / "few", 48)
    known = config.load(settings.SETTINGS)
    found = [item for item in exports.sources([export]) if isinstance(item, Source)]
    best: dict[str, float] = {}
    for number in range(2):
        spent = dict.fromkeys(("read", "prepare", "analyse", "store"), 0.0)
        with Ledger(tmp_path / f"stages-{number}") as ledger:
            for source in found:
                begun = time.process_time()
                (recording,) = readers.read_source(source)
                read = time.process_time()
                day = rows.day_of(recording.about)
                track = preparation.prepare(recording, settings.preparation(known, day))
                prepared = time.process_time()
                entry = analyzers.analyze(track)
                analysed = time.process_time()
                row = rows.activity_row(
                    "me", entry, freshness="", segment="", context={}, pauses=recording.pauses
                ) | {"read_issues": "[]"}
                write_segment(recording.records, tmp_path, "segment.parquet")
                with ledger.transaction() as db:
                    ledger.put_activity(db, row)
                stored = time.process_time()
                for name, seconds in (
                    ("read", read - begun),
                    ("prepare", prepared - read),
                    ("analyse", analysed - prepared),
                    ("store", stored - analysed),
                ):
                    spent[name] += seconds / len(found)
        best = {name: min(best.get(name, seconds), seconds) for name, seconds in spent.items()}
    return best


def by_fitparse(data: bytes) -> None:
    import fitparse

    for message in fitparse.FitFile(io.BytesIO(data), check_crc=False).get_messages():
        message.get_values()


def by_fitdecode(data: bytes) -> None:
    import fitdecode

    with fitdecode.FitReader(io.BytesIO(data), check_crc=fitdecode.CrcCheck.DISABLED) as reader:
        for frame in reader:
            if frame.frame_type == fitdecode.FIT_FRAME_DATA:
                [field.value for field in frame.fields]


def by_sdk(data: bytes) -> None:
    from garmin_fit_sdk import Decoder, Stream

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Decoder(Stream.from_byte_array(bytearray(data))).read(merge_heart_rates=False)


def by_fitfast(data: bytes) -> None:
    import fitfast

    fitfast.records(data)


def by_pyroparse(data: bytes) -> None:
    import pyroparse

    pyroparse.read_fit(io.BytesIO(data))


PEERS = {
    "fitparse": by_fitparse,
    "fitdecode": by_fitdecode,
    "garmin_fit_sdk": by_sdk,
    "fitfast": by_fitfast,
    "pyroparse": by_pyroparse,
}


def test_a_whole_scan_against_the_peers_reading_alone(
    history: Path, tmp_path: Path, benchmark: Callable[..., Any]
) -> None:
    """Ours reads, prepares, analyses and stores; the peers only read the messages of the same files."""
    whole = 1e3 * sum(benchmark.pedantic(by_stage, args=(history, tmp_path), rounds=1).values())
    files = [file.read_bytes() for file in sorted((tmp_path / "few").glob("*.fit"))[:PEER_FILES]]
    print(f"\nours, from file to ledger {whole:8.1f} ms")
    for name, read in PEERS.items():
        if importlib.util.find_spec(name) is None:
            print(f"{name:>25} is not installed")
            continue
        read(files[0])
        begun = time.process_time()
        for data in files:
            read(data)
        theirs = 1e3 * (time.process_time() - begun) / len(files)
        print(f"{name:>25} {theirs:8.1f} ms  {theirs / whole:6.1f} times ours")
        if name in ("fitparse", "garmin_fit_sdk", "fitdecode"):
            assert theirs > 3 * whole
