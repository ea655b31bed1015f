"""Full disks, missing rights, files that change, other clocks: a sentence for a person, and nothing lost."""

import ctypes
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kneeledger.errors import StoreError
from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import front
from kneeledger.sources import finding

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX rights and limits")
LIMITED = "import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))\n"
POWERLESS = (
    "import ctypes, sys\n"
    "prctl = ctypes.CDLL(None).prctl\n"
    "for cap in (1, 2, 3):\n"  # override of rights, search, ownership
    "    prctl(24, cap, 0, 0, 0)\n"
)
MAIN = "import os\nos.execv(sys.executable, [sys.executable, '-m', 'kneeledger', *sys.argv[1:]])\n"


def command(*words, before="import sys\n", cwd, **env):
    """`kneeledger` in a process of its own, after some statements."""
    return subprocess.run(
        [sys.executable, "-c", before + MAIN, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | env,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def undisturbed(small_export, tmp_path_factory, ledger_dump):
    folder = tmp_path_factory.mktemp("whole") / "ledger"
    front.scan([small_export], folder)
    return folder, ledger_dump(folder)


def told_well(done):
    """One sentence on stderr and exit code 2: no traceback."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("kneeledger: ")
    return done.stderr


# --- the disk --------------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize("size", [0, 5_000, 50_000, 100_000])
def test_where_nothing_more_can_be_written_it_says_so_and_the_next_scan_mends_it(
    size, small_export, undisturbed, tmp_path, ledger_dump
):
    ledger = tmp_path / "ledger"
    done = command(
        "scan", small_export, "--ledger", ledger, "--jobs", 1, before=LIMITED.format(size), cwd=tmp_path
    )
    told_well(done)
    front.scan([small_export], ledger)
    assert ledger_dump(ledger) == undisturbed[1]


@POSIX
@pytest.mark.parametrize("share", [0.65, 0.9])
def test_when_the_disk_is_full_it_says_so_and_loses_nothing(
    share, small_export, undisturbed, tmp_path, ledger_dump
):
    disk = tmp_path / "disk"
    disk.mkdir()
    whole = sum(file.stat().st_size for file in undisturbed[0].rglob("*") if file.is_file())
    kib = int(share * whole) >> 10
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk cannot be mounted here")
    try:
        with Ledger(disk / "ledger") as ledger:
            ledger.add_entry("pain", "me", {"date": "2026-04-03"})
        done = command("scan", small_export, "--ledger", disk / "ledger", "--jobs", 2, cwd=tmp_path)
        assert "full" in told_well(done) or "No space" in done.stderr
        with Ledger(disk / "ledger") as ledger:
            assert ledger.entries("pain", "me") == [{"date": "2026-04-03"}]
        shutil.copytree(disk / "ledger", tmp_path / "moved")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    front.scan([small_export], tmp_path / "moved")
    found = ledger_dump(tmp_path / "moved")
    assert found.pop("pain")
    found["meta"].remove(("changes", "1"))
    assert found == {name: rows for name, rows in undisturbed[1].items() if name != "pain"}


@pytest.mark.parametrize(("free", "words"), [(4096, "disk is full"), (10**9, "Look at the folder's rights")])
def test_an_error_of_output_on_a_full_disk_says_that_it_is_full(free, words, tmp_path, monkeypatch):
    def failing(*_):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
        raise error

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
    with Ledger(tmp_path / "l") as ledger:
        monkeypatch.setattr(Ledger, "backup", failing)
        with pytest.raises(StoreError) as told:
            ledger.add_entry("pain", "me", {"date": "2026-04-03"})
    assert words in str(told.value)
    assert ("Make room" in told.value.hint) == ("full" in words)


@POSIX
def test_a_pain_entry_that_cannot_be_written_leaves_the_old_log(tmp_path):
    ledger = tmp_path / "ledger"
    for day in ("2026-04-03", "2026-04-04"):
        words = ("pain", "add", "--during", "none", "--date", day, "--ledger", ledger)
        assert command(*words, cwd=tmp_path).returncode == 0
    saved = (ledger / "by-hand.json").read_bytes()
    told_well(command(*words, "--note", "x" * 9000, before=LIMITED.format(100), cwd=tmp_path))
    assert (ledger / "by-hand.json").read_bytes() == saved
    with Ledger(ledger) as opened:
        assert len(opened.entries("pain", "me")) == 2


def powerless():
    """Whether rights bind a child even if this process may override them."""
    if os.geteuid() != 0:
        return True
    if not sys.platform.startswith("linux"):
        return False
    probe = "import os; os.close(os.open('/proc/self/status', os.O_RDONLY))"
    return ctypes.CDLL(None).prctl(23, 1, 0, 0, 0) == 1 and (
        subprocess.run([sys.executable, "-c", POWERLESS + probe], check=False).returncode == 0
    )


@POSIX
def test_a_folder_that_may_not_be_written_is_told(small_export, undisturbed, tmp_path):
    if not powerless():
        pytest.skip("this user may write anywhere and cannot give that up")
    closed = tmp_path / "closed"
    shutil.copytree(undisturbed[0], closed / "ledger")
    for place in (closed, closed / "ledger", closed / "ledger" / "tracks"):
        place.chmod(0o500)
    try:
        inside = command("scan", small_export, "--ledger", closed / "ledger", before=POWERLESS, cwd=tmp_path)
        beside = command("scan", small_export, "--ledger", closed / "new", before=POWERLESS, cwd=tmp_path)
        page = command(
            "export", "--ledger", closed / "ledger", "-o", closed / "a.csv", before=POWERLESS, cwd=tmp_path
        )
    finally:
        for place in (closed / "ledger" / "tracks", closed / "ledger", closed):
            place.chmod(0o700)
    for done in (inside, beside, page):
        assert str(closed) in told_well(done)
    assert "--ledger DIR" in beside.stderr


@POSIX
def test_a_file_that_may_not_be_read_is_a_failure_of_that_file_alone(new_export, tmp_path):
    if not powerless():
        pytest.skip("this user may read anything and cannot give that up")
    export = new_export()
    (export / "loose" / "a.fit").chmod(0)
    (export / "strava").chmod(0)
    try:
        done = command(
            "scan", export, "--ledger", tmp_path / "l", "--format", "json", before=POWERLESS, cwd=tmp_path
        )
    finally:
        (export / "loose" / "a.fit").chmod(0o600)
        (export / "strava").chmod(0o700)
    assert done.returncode == 0, done.stderr
    tally = json.loads(done.stdout)
    assert {Path(one["path"]).name for one in tally["failures"]} == {"a.fit", "strava"}
    assert tally["read"] >= 5
    again = front.scan([export], tmp_path / "l")
    assert (again.read, again.failed) == (2, 0)


# --- files that change --------------------------------------------------------------------------


def test_a_file_that_changes_while_it_is_read_is_read_again_next_time(new_export, tmp_path, monkeypatch):
    export = new_export()
    victim = export / "loose" / "a.fit"
    whole = victim.read_bytes()
    victim.write_bytes(whole[: len(whole) // 2])
    real = finding._rest

    def growing(reader, head, limits):
        found = real(reader, head, limits)
        if whole.startswith(found[:1000]):
            victim.write_bytes(whole)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(finding, "_rest", growing)
        front.scan([export], tmp_path / "ledger")
    again = front.scan([export], tmp_path / "ledger")
    assert again.read == 1
    front.scan([export], tmp_path / "fresh")
    with Ledger(tmp_path / "ledger") as one, Ledger(tmp_path / "fresh") as other:
        assert one.metrics("me").sort("id").equals(other.metrics("me").sort("id"))


@pytest.mark.parametrize("how", ["removed", "shorter", "a folder"])
def test_a_file_that_goes_away_while_the_scan_walks_is_told(how, new_export, tmp_path, monkeypatch):
    export = new_export()
    victim = export / "loose" / "b.fit"
    real = finding._files_below

    def listed(root):
        found = real(root)
        if how == "shorter":
            victim.write_bytes(victim.read_bytes()[:20])
        else:
            victim.unlink()
            if how == "a folder":
                victim.mkdir()
        return found

    monkeypatch.setattr(finding, "_files_below", listed)
    result = front.scan([export], tmp_path / "ledger")
    assert result.failed == 1
    assert result.failures[0]["path"].endswith("b.fit")
    assert result.activities == 7


@POSIX
def test_a_file_that_becomes_a_pipe_does_not_hang_the_scan(new_export, tmp_path, monkeypatch):
    export = new_export()
    victim = export / "loose" / "b.fit"
    real = finding._files_below

    def listed(root):
        found = real(root)
        victim.unlink()
        os.mkfifo(victim)
        return found

    monkeypatch.setattr(finding, "_files_below", listed)
    done = []
    thread = threading.Thread(
        target=lambda: done.append(front.scan([export], tmp_path / "ledger")), daemon=True
    )
    thread.start()
    thread.join(60)
    if thread.is_alive():  # let it go on, so that the test ends
        os.close(os.open(victim, os.O_RDWR | os.O_NONBLOCK))
    assert done
    assert [Path(one["path"]).name for one in done[0].failures] == ["b.fit"]


# --- clocks -----------------------------------------------------------------------------------

SHIM = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long away(void) { const char *s = getenv("AWAY_S"); return s ? atol(s) : 0; }
int clock_gettime(clockid_t which, struct timespec *at) {
  int done = (int)syscall(SYS_clock_gettime, which, at);
  if (!done && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) at->tv_sec += away();
  return done;
}
time_t time(time_t *out) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  if (out) *out = at.tv_sec;
  return at.tv_sec;
}
int gettimeofday(struct timeval *tv, void *zone) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  tv->tv_sec = at.tv_sec;
  tv->tv_usec = at.tv_nsec / 1000;
  return 0;
}
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the clock is moved by a Linux shim")
def test_no_result_depends_on_the_clock_or_the_zone_of_the_machine(small_export, tmp_path, ledger_dump):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build the shim of the clock")
    (tmp_path / "shim.c").write_text(SHIM)
    shim = tmp_path / "shim.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, tmp_path / "shim.c"], check=True)
    ten_years = 3650 * 86_400
    year = "import time, sys; sys.stdout.write(str(time.gmtime().tm_year))"
    found, years = [], []
    for number, (away, zone) in enumerate(
        ((0, "UTC"), (ten_years, "Asia/Kathmandu"), (-ten_years, "America/St_Johns"))
    ):
        env = {"LD_PRELOAD": str(shim), "AWAY_S": str(away), "TZ": zone}
        told = subprocess.run(
            [sys.executable, "-c", year], env=os.environ | env, capture_output=True, text=True, check=True
        )
        years.append(int(told.stdout))
        ledger = tmp_path / f"ledger-{number}"
        outputs = []
        for words in (
            ("scan", small_export, "--jobs", 1),
            ("spikes", "--format", "json"),
            ("headroom", "--format", "json"),
            ("export", "--what", "daily"),
            ("activity", "last", "--format", "json"),
        ):
            done = command(*words, "--ledger", ledger, cwd=tmp_path, **env)
            assert done.returncode == 0, done.stderr
            outputs.append(done.stdout)
        found.append((ledger_dump(ledger), outputs))
    assert years[1] - years[0] in (9, 10)
    assert found[1] == found[0]
    assert found[2] == found[0]


# --- several at once -----------------------------------------------------------------------------


def test_two_scans_at_once_of_one_ledger_both_succeed(small_export, undisturbed, tmp_path, ledger_dump):
    words = [sys.executable, "-m", "kneeledger", "scan", str(small_export), "--jobs", "1"]
    both = [
        subprocess.Popen(
            [*words, "--ledger", str(tmp_path / "ledger")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        for _ in range(3)
    ]
    told = [one.communicate(timeout=300) for one in both]
    assert [one.returncode for one in both] == [0, 0, 0], told
    assert ledger_dump(tmp_path / "ledger") == undisturbed[1]


def test_a_scan_beside_another_says_that_it_waits_and_then_goes_on(
    small_export, undisturbed, tmp_path, ledger_dump
):
    words = [sys.executable, "-m", "kneeledger", "scan", str(small_export), "--jobs", "1"]
    with Ledger(tmp_path / "ledger") as other:
        other.lock()
        mine = subprocess.Popen(
            [*words, "--ledger", str(tmp_path / "ledger")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        assert "waiting" in mine.stderr.readline()
    said = mine.communicate(timeout=300)
    assert mine.returncode == 0, said
    assert ledger_dump(tmp_path / "ledger") == undisturbed[1]


def test_a_scan_waits_for_another_with_a_message_and_gives_up_with_one(small_export, tmp_path):
    told = []
    with Ledger(tmp_path / "ledger") as other:
        other.lock()
        mine = Ledger(tmp_path / "ledger", tell=told.append)
        with mine, pytest.raises(StoreError, match="Another kneeledger"):
            mine.lock(wait_s=0.3)
    assert told == ["Another kneeledger is writing to this ledger; waiting."]


def test_questions_are_answered_while_a_scan_writes(undisturbed, tmp_path):
    folder = tmp_path / "ledger"
    shutil.copytree(undisturbed[0], folder)
    with Ledger(folder) as writer:
        writer.lock()
        with writer.transaction() as db:
            db.execute("delete from activities")
            with Ledger(folder, create=False) as reader:
                assert reader.activities("me").height == 7
            done = command("spikes", "--ledger", folder, cwd=tmp_path)
            assert done.returncode == 0, done.stderr


def test_a_rebuild_beside_a_waiting_scan_harms_neither(small_export, undisturbed, tmp_path, ledger_dump):
    folder = tmp_path / "ledger"
    shutil.copytree(undisturbed[0], folder)
    words = [sys.executable, "-m", "kneeledger", "scan", str(small_export), "--jobs", "1", "--ledger"]
    both = [
        subprocess.Popen([*words, str(folder), *more], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        for more in (["--rebuild"], [], ["--rebuild"])
    ]
    told = [one.communicate(timeout=300) for one in both]
    assert [one.returncode for one in both] == [0, 0, 0], told
    assert ledger_dump(folder) == undisturbed[1]


# --- rights -----------------------------------------------------------------------------------


@POSIX
@pytest.mark.slow
def test_everything_written_is_for_its_owner_only(small_export, tmp_path):
    ledger = tmp_path / "new" / "ledger"
    before = "import os, sys\nos.umask(0)\n"
    for words in (
        ("scan", small_export, "--jobs", 2, "--verify", "50%"),
        ("pain", "add", "--during", "none", "--date", "2026-04-03"),
        ("profile", "--female"),
        ("export", "-o", tmp_path / "out" / "a.csv"),
        ("export", "--format", "parquet", "-o", tmp_path / "out" / "a.parquet"),
    ):
        done = command(*words, "--ledger", ledger, before=before, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    for place in (ledger, *ledger.rglob("*"), *(tmp_path / "out").rglob("*")):
        mode = stat.S_IMODE(place.stat().st_mode)
        assert mode & 0o077 == 0, (place, oct(mode))
